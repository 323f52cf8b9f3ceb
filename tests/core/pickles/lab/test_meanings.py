from core.pickles.lab.meanings import MEANINGS
from core.pickles.opcodes import CODES


def test_every_opcode_is_explained_in_one_line() -> None:
    assert set(MEANINGS) == set(CODES)
    assert all(text.endswith(".") and "\n" not in text for text in MEANINGS.values())
