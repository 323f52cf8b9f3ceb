"""Where `import os` goes."""

import pytest

from core.secrets.leaks.edits import apply
from core.secrets.leaks.python_import import module_of
from core.secrets.leaks.python_source import read_python


def with_import(source: str, *, has_os: bool = False, notebook: bool = False) -> str:
    program = read_python(source, notebook=notebook)
    assert program is not None
    module = module_of(program, has_os=has_os)
    return apply(source, module.imported(source.index("KEY") if "KEY" in source else len(source)))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("KEY", "import os\n\nKEY"),
        ("import re\nKEY", "import os\nimport re\nKEY"),
        ("import os\nKEY", "import os\nKEY"),
        ("import re, os\nKEY", "import re, os\nKEY"),
        ("import os.path\nKEY", "import os.path\nKEY"),
        ("KEY\nimport os", "import os\n\nKEY\nimport os"),
        ("def f():\n    import os\nKEY", "import os\n\ndef f():\n    import os\nKEY"),
        ("'''Doc.'''\nKEY", "'''Doc.'''\nimport os\n\nKEY"),
        ("'''Doc.'''\n\nimport re\nKEY", "'''Doc.'''\n\nimport os\nimport re\nKEY"),
        ("'''Doc.'''; KEY", "'''Doc.'''; import os; KEY"),
        ("'''Döc.'''; KEY", "'''Döc.'''; import os; KEY"),
        ("from __future__ import annotations\nKEY", "from __future__ import annotations\nimport os\n\nKEY"),
        (
            "'''Doc.'''\nfrom __future__ import annotations\n\nimport re\nKEY",
            "'''Doc.'''\nfrom __future__ import annotations\n\nimport os\nimport re\nKEY",
        ),
        ("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nKEY",
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nimport os\n\nKEY"),
        ("# why\nKEY", "import os\n\n# why\nKEY"),
        ("#!x\n# why\nKEY", "#!x\nimport os\n\n# why\nKEY"),
        ("x = 1\r\nKEY", "import os\r\n\r\nx = 1\r\nKEY"),
        ("\ufeffKEY", "\ufeffimport os\n\nKEY"),
        ("@decorated\ndef f(): KEY", "import os\n\n@decorated\ndef f(): KEY"),
        ("os = 1\nKEY", "import os as _os\n\nos = 1\nKEY"),
        ("def f(os): KEY", "import os as _os\n\ndef f(os): KEY"),
        ("import x as os\nKEY", "import os as _os\nimport x as os\nKEY"),
        ("from x import os\nKEY", "import os as _os\nfrom x import os\nKEY"),
        ("import os as system\nKEY", "import os\nimport os as system\nKEY"),
    ],
)  # fmt: skip
def test_an_import_is_added_once_in_its_place(source: str, expected: str) -> None:
    assert with_import(source) == expected


def test_an_earlier_cells_import_is_enough() -> None:
    assert with_import("KEY", has_os=True) == "KEY"


def test_an_import_stands_behind_a_cells_magic() -> None:
    assert with_import("%%time\nKEY", notebook=True) == "%%time\nimport os\n\nKEY"
    assert with_import("%matplotlib inline\nKEY", notebook=True) == "import os\n\n%matplotlib inline\nKEY"
