"""Names: which are data, which need trust, which are dangerous; and where CPython would look for each."""

import pytest
import torch._weights_only_unpickler as weights_only

from core.pickles.globals import ALLOWED, classify, look_up, resolve, rule_of
from core.pickles.value import Global
from core.pickles.verdict import Verdict


def test_every_name_that_torch_allows_is_allowed() -> None:
    assert set(weights_only._get_allowed_globals()) <= set(ALLOWED)


@pytest.mark.parametrize("full", sorted(ALLOWED))
def test_an_allowed_name_has_one_module_and_one_name(full: str) -> None:
    module, _, name = full.rpartition(".")
    assert classify(module, name)[0] is Verdict.DATA_ONLY
    assert rule_of(Global(module, name)) is ALLOWED[full]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "compile"),
        ("builtins", "__import__"),
        ("builtins", "getattr"),
        ("builtins", "open"),
        ("importlib", "import_module"),
        ("importlib.util", "spec_from_file_location"),
        ("runpy", "run_path"),
        ("pty", "spawn"),
        ("shutil", "rmtree"),
        ("socket", "create_connection"),
        ("ctypes", "CDLL"),
        ("operator", "attrgetter"),
        ("operator", "methodcaller"),
        ("functools", "partial"),
        ("functools", "reduce"),
        ("types", "FunctionType"),
        ("types", "CodeType"),
        ("code", "interact"),
        ("codeop", "compile_command"),
        ("bdb", "Bdb"),
        ("pdb", "run"),
        ("timeit", "timeit"),
        ("cProfile", "run"),
        ("pickle", "loads"),
        ("_pickle", "Unpickler"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.serialization", "load"),
        ("torch.jit.unsupported_tensor_ops", "execWrapper"),
        ("torch.utils.collect_env", "run"),
        ("numpy", "load"),
        ("numpy.testing._private.utils", "runstring"),
        ("pydoc", "pipepager"),
        ("pip._internal", "main"),
        ("webbrowser", "open"),
        ("smtplib", "SMTP"),
        ("http.client", "HTTPSConnection"),
        ("urllib.request", "urlopen"),
        ("asyncio.unix_events", "_UnixSubprocessTransport"),
        ("multiprocessing.util", "spawnv_passfds"),
        ("threading", "Thread"),
        ("signal", "signal"),
        ("sys", "settrace"),
        ("marshal", "loads"),
        ("site", "addsitedir"),
        ("venv", "create"),
        ("zipimport", "zipimporter"),
        ("idlelib.pyshell", "ModifiedInterpreter"),
        ("lib2to3.pgen2.grammar", "Grammar"),
        ("distutils.spawn", "spawn"),
        ("ensurepip", "_run_pip"),
        ("tempfile", "mktemp"),
        ("logging.config", "listen"),
        ("uuid", "_get_command_stdout"),
        ("_osx_support", "_read_output"),
        ("_io", "FileIO"),
        ("copyreg", "add_extension"),
        ("pandas", "read_pickle"),
        ("dill", "loads"),
        ("cloudpickle", "loads"),
    ],
)
def test_a_known_executor_is_dangerous(module: str, name: str) -> None:
    assert classify(module, name)[0] is Verdict.DANGEROUS


@pytest.mark.parametrize(
    ("module", "name"),
    [("pathlib", "os.system"), ("collections", "abc.sys"), ("my.model", "Outer.Inner"), ("a", "b.")],
)
def test_a_dotted_name_is_dangerous_wherever_it_starts(module: str, name: str) -> None:
    assert classify(module, name)[0] is Verdict.DANGEROUS


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("my_model", "Net"),
        ("torch.nn.modules.linear", "Linear"),
        ("collections", ""),
        ("", "x"),
        ("osx", "system"),
    ],
)
def test_a_name_that_nobody_knows_needs_trust(module: str, name: str) -> None:
    assert classify(module, name)[0] is Verdict.NEEDS_TRUST


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("__builtin__", "set"),
        ("__builtin__", "reduce"),
        ("copy_reg", "_reconstructor"),
        ("commands", "getoutput"),
    ],
)
def test_a_name_is_looked_up_where_pickle_would(module: str, name: str, protocol: int) -> None:
    mapped = {
        ("__builtin__", "set"): ("builtins", "set"),
        ("__builtin__", "reduce"): ("functools", "reduce"),
        ("copy_reg", "_reconstructor"): ("copyreg", "_reconstructor"),
        ("commands", "getoutput"): ("subprocess", "getoutput"),
    }[module, name]
    assert resolve(module, name, protocol) == (mapped if protocol < 3 else (module, name))


def test_a_mapped_name_says_how_it_was_written() -> None:
    found, _ = look_up("__builtin__", "set", 2)
    assert (found.full, found.written, found.verdict) == (
        "builtins.set",
        "__builtin__.set",
        Verdict.DATA_ONLY,
    )


def test_an_executor_stays_one_for_a_loader_that_maps_no_names() -> None:
    found, _ = look_up("commands", "getoutput", 2)
    assert found.verdict is Verdict.DANGEROUS
    found, _ = look_up("commands", "getoutput", 4)
    assert found.verdict is Verdict.DANGEROUS


def test_what_is_no_global_has_no_rule() -> None:
    assert rule_of("builtins.set") is None
    assert rule_of(Global("builtins", "se.t")) is None


@pytest.mark.parametrize("order", ["contiguous_format", "channels_last"])
def test_a_memory_format_of_torch_is_data_where_pickle_finds_it_and_nowhere_else(order: str) -> None:
    found, _ = look_up("torch._utils", f"torch.{order}", 4)
    assert found.verdict is Verdict.DATA_ONLY
    rule = rule_of(found)
    assert rule is not None
    assert rule.call is None
    for module, name in (
        ("torch._utils", "torch.hub"),
        ("torch._utils", f"torch.hub.{order}"),
        ("torch", f"_utils.torch.{order}"),
        ("m", f"torch.{order}"),
    ):
        assert look_up(module, name, 4)[0].verdict is Verdict.DANGEROUS
