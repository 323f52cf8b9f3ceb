import re

from core.process import ROOT
from core.settings import PREFIX, Settings
from tests.deploy.dockerfile import parse

TEXT = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
FILE = parse((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def test_every_build_argument_is_in_the_table_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", TEXT, re.MULTILINE))
    arguments = dict(FILE.arguments)
    arguments |= dict(one.text.partition("=")[::2] for stage in FILE.stages for one in stage.all("ARG"))
    assert arguments.keys() <= rows.keys()
    for name, default in arguments.items():
        assert not default or rows[name] == f"`{default}`"


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", TEXT)) - {f"{PREFIX}MAX"}
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)
    assert [name for name in Settings.model_fields if name.startswith("max_")]


def test_every_link_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / "deploy" / link).is_file()] == []
