import io
import pickle
import pickletools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles import Verdict, scan
from core.pickles.formats import Format
from core.pickles.lab.payloads import (
    CONTAINERS,
    MAX_TEXT,
    PAYLOADS,
    Container,
    Payload,
    PayloadError,
    build,
    container_of,
    kind_of,
)

EVERY = [(payload, container) for payload in Payload for container in Container]
LINES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=MAX_TEXT)


class Tripwires(pickle.Unpickler):
    """CPython's unpickler with nothing real behind any name."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.named: list[str] = []
        self.called: list[str] = []

    def find_class(self, module: str, name: str) -> object:
        self.named.append(f"{module}.{name}")
        return self.tripwire(f"{module}.{name}")

    def tripwire(self, called: str) -> object:
        def call(*args: object) -> object:
            self.called.append(called)
            return self.tripwire(f"{called}()")

        return call


@pytest.mark.parametrize(("payload", "container"), EVERY)
def test_no_payload_in_any_container_is_data_only(payload: Payload, container: Container) -> None:
    built = build(payload, container)
    verdict = scan(built.data, built.file_name).verdict
    assert verdict is (Verdict.NEEDS_TRUST if payload is Payload.IMPORT else Verdict.DANGEROUS)


@pytest.mark.parametrize(("payload", "container"), EVERY)
def test_the_same_choices_give_the_same_bytes(payload: Payload, container: Container) -> None:
    first, second = build(payload, container), build(payload.value, container.value)
    assert first == second
    assert container_of(container).says in first.says
    assert kind_of(payload).says in first.says


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        (Container.PROTOCOL_0, Format.PICKLE),
        (Container.PROTOCOL_2, Format.PICKLE),
        (Container.PROTOCOL_4, Format.PICKLE),
        (Container.TORCH_ZIP, Format.TORCH_ZIP),
        (Container.TORCH_LEGACY, Format.TORCH_LEGACY),
        (Container.NPY, Format.NPY),
        (Container.JOBLIB, Format.JOBLIB),
        (Container.TAR, Format.TAR),
        (Container.NESTED_ZIP, Format.ZIP),
        (Container.GZIP, Format.GZIP),
        (Container.RENAMED, Format.PICKLE),
        (Container.APPENDED, Format.PICKLE),
        (Container.INJECTED, Format.PICKLE),
    ],
)
def test_the_container_is_what_it_says(container: Container, expected: Format) -> None:
    built = build(Payload.COMMAND, container)
    assert scan(built.data, built.file_name).format is expected


@pytest.mark.parametrize(
    ("payload", "called"),
    [
        (Payload.COMMAND, ["os.system"]),
        (Payload.EVAL, ["builtins.eval"]),
        (Payload.IMPORT, []),
        (Payload.WRITE, ["builtins.open"]),
        (Payload.NETWORK, ["urllib.request.urlopen"]),
        (Payload.COMPUTED, ["builtins.__import__", "builtins.getattr", "builtins.getattr()"]),
        (Payload.PARTIAL, ["functools.partial", "functools.partial()"]),
    ],
)
def test_cpython_would_make_the_calls_that_the_payload_promises(payload: Payload, called: list[str]) -> None:
    unpickler = Tripwires(build(payload, Container.PROTOCOL_4).data)
    unpickler.load()
    assert unpickler.called == called


def test_the_injected_payload_leaves_the_clean_object_behind() -> None:
    unpickler = Tripwires(build(Payload.COMMAND, Container.INJECTED).data)
    assert unpickler.load() == {"epoch": 3, "loss": 0.25}
    assert unpickler.called == ["os.system"]


def test_who_loads_once_sees_only_the_clean_pickle_before_the_appended_one() -> None:
    unpickler = Tripwires(build(Payload.COMMAND, Container.APPENDED).data)
    assert unpickler.load() == {"epoch": 3, "loss": 0.25}
    assert unpickler.called == []
    unpickler.load()
    assert unpickler.called == ["os.system"]


@pytest.mark.parametrize("payload", Payload)
@pytest.mark.parametrize("container", [Container.PROTOCOL_0, Container.PROTOCOL_2, Container.PROTOCOL_4])
def test_the_listing_is_that_of_pickletools(payload: Payload, container: Container) -> None:
    built = build(payload, container)
    listed = [line.split()[1] for line in built.opcodes.splitlines()]
    assert listed == [opcode.name for opcode, _, _ in pickletools.genops(built.data)]


@pytest.mark.parametrize("payload", Payload)
@pytest.mark.parametrize("container", [Container.PROTOCOL_0, Container.PROTOCOL_4, Container.INJECTED])
def test_nothing_is_left_on_the_stack(payload: Payload, container: Container) -> None:
    # It raises if the stack is not empty after STOP.
    pickletools.dis(build(payload, container).data, out=io.StringIO())


@given(LINES)
def test_any_line_of_text_can_be_a_command_and_stays_as_it_is(text: str) -> None:
    built = build(Payload.COMMAND, Container.PROTOCOL_4, text)
    arguments = [argument for _, argument, _ in pickletools.genops(built.data)]
    assert (text.strip() or kind_of(Payload.COMMAND).example) in arguments


def test_a_command_is_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for container in Container:
        built = build(Payload.COMMAND, container, f"touch {trace}")
        scan(built.data, built.file_name)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("payload", "text", "message"),
    [
        (Payload.COMMAND, "x" * 201, "The command has 201 characters: give at most 200."),
        (Payload.EVAL, "a\nb", "The expression has a character that cannot be shown: give one line of text."),
        (
            Payload.NETWORK,
            "a\x1b[2J",
            "The address has a character that cannot be shown: give one line of text.",
        ),
        (Payload.WRITE, "\ud800", "The path has a character that cannot be shown: give one line of text."),
        (Payload.IMPORT, "not a module", "That is no module: give a name such as `package.module`."),
        (Payload.IMPORT, "ünder.hood", "That is no module: give a name such as `package.module`."),
    ],
)
def test_a_text_that_does_not_fit_is_refused_in_one_line(payload: Payload, text: str, message: str) -> None:
    with pytest.raises(PayloadError) as error:
        build(payload, Container.PROTOCOL_2, text)
    assert str(error.value) == message


def test_what_does_not_exist_is_refused_with_what_does() -> None:
    with pytest.raises(PayloadError, match=r"^There is no such payload: choose one of command, eval, "):
        build("virus", Container.NPY)
    with pytest.raises(PayloadError, match=r"^There is no such container: choose one of protocol-0, "):
        build(Payload.EVAL, "box")


def test_the_menus_have_every_choice_once() -> None:
    assert [kind.payload for kind in PAYLOADS] == list(Payload)
    assert [kind.container for kind in CONTAINERS] == list(Container)
