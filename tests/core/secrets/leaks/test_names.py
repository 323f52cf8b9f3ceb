"""A value's name is what it is given to."""

import pytest

from core.secrets.leaks.passage import Role
from core.secrets.leaks.python_source import read_python


@pytest.mark.parametrize(
    ("source", "name", "assigned"),
    [
        ("a = 'S'", "a", True),
        ("a = b = 'S'", "b", True),
        ("a: str = 'S'", "a", True),
        ("self.a = 'S'", "a", True),
        ("d['a'] = 'S'", "a", False),
        ("os.environ['a'] = 'S'", "a", False),
        ("a, b = 'S', 1", "a", True),
        ("b, a = x, 'S'", "a", True),
        ("a += 'S'", "a", True),
        ("(a := 'S')", "a", True),
        ("f(a='S')", "a", False),
        ("{'a': 'S'}", "a", False),
        ("{a: 'S'}", "a", False),
        ("def f(x, a='S'): pass", "a", False),
        ("def f(x=1, *, a='S', b=2): pass", "a", False),
        ("lambda a='S': 0", "a", False),
        ("a == 'S'", "a", False),
        ("'S' != x.a", "a", False),
        ("os.getenv('a', 'S')", "a", False),
        ("environ.get('a', 'S')", "a", False),
        ("setattr(x, 'a', 'S')", "a", False),
        ("a = os.getenv('b') or 'S'", "a", True),
        ("a = 'S' if x else y", "a", True),
        ("a = ['S', x]", "a", True),
        ("a = SecretStr('S')", "a", True),
        ("a = 'S'.encode()", "a", True),
        ("a = 'S' % x", "a", True),
        ("class C:\n    a = 'S'", "a", True),
        ("f('S')", "", False),
        ("p.add_argument('-a', '--a', default='S')", "a", False),
        ("config('a', default='S')", "a", False),
        ("f(auth=('u', 'S'))", "password", False),
        ("auth = ['u', 'S']", "password", False),
        ("HTTPBasicAuth('u', 'S')", "password", False),
        ("return_('x')['S']", "", False),
    ],
)
def test_what_a_literal_is_given_to(source: str, name: str, assigned: bool) -> None:
    program = read_python(source)
    assert program is not None
    passage = next(each for each in program.passages if each.text == "S")
    assert (passage.name, passage.assigned, passage.whole, passage.role) == (name, assigned, True, Role.VALUE)


@pytest.mark.parametrize(
    "source",
    ["'S'", "def f():\n    'S'", "class C:\n    '''S'''", "match x:\n    case 'S': pass",
     "match x:\n    case {'S': 1}: pass",
     "match x:\n    case [('S' | 'T')]: pass"],
)  # fmt: skip
def test_a_literal_that_must_stay_one_is_words(source: str) -> None:
    program = read_python(source)
    assert program is not None
    passage = next(each for each in program.passages if each.text == "S")
    assert passage.role is Role.WORDS
    assert not passage.whole
