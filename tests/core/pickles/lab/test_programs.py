import ast

from hypothesis import given
from hypothesis import strategies as st

from core.pickles.lab.programs import Reference, bare_load, imports, to_onnx, to_safetensors, torch_load

NAMES = st.sampled_from(["Model", "torch", "value", "pickle", "Linear", "print"])
REFERENCES = st.lists(
    st.builds(Reference, st.sampled_from(["one", "two.three"]), NAMES, st.sampled_from(["", "old.Name"])),
    max_size=8,
)


@given(REFERENCES)
def test_no_two_imports_have_the_same_name_and_none_hides_the_programs_own(
    references: list[Reference],
) -> None:
    lines, names = imports(references)
    assert len(set(names)) == len(names) == len(references)
    assert not {"torch", "value", "pickle", "print"} & set(names)
    bound = [alias.asname or alias.name for line in lines for alias in ast.parse(line).body[0].names]  # type: ignore[attr-defined]
    assert bound == names


@given(REFERENCES)
def test_every_program_is_python(references: list[Reference]) -> None:
    for load in (torch_load("model.pt", references), bare_load("model.pkl", references)):
        for program in (
            load,
            to_safetensors(load, "out"),
            to_onnx(load, "out", (3, 4), "Model()", "import m"),
        ):
            ast.parse(program)


def test_a_name_that_the_object_does_not_call_itself_is_given_with_the_one_in_the_file() -> None:
    program = torch_load("m.pt", [Reference("numpy", "dtype", "numpy.core.dtype")])
    assert "safe_globals([(dtype, 'numpy.core.dtype')])" in program


def test_a_long_list_is_broken_into_lines() -> None:
    program = torch_load("m.pt", [Reference("package.module", f"Class{index}") for index in range(9)])
    assert max(map(len, program.splitlines())) < 80
    ast.parse(program)


def test_with_nothing_to_allow_there_is_no_list() -> None:
    assert "safe_globals" not in torch_load("m.pt", [])
    assert "ALLOWED = {}" in bare_load("m.pkl", [])


def test_the_name_of_python_2_is_the_key_where_the_file_has_it() -> None:
    program = bare_load("m.pkl", [Reference("builtins", "set", "__builtin__.set")])
    assert "from builtins import set" in program
    assert "('__builtin__', 'set'): set," in program
