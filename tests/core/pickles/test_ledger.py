"""The ledger: complete only where nothing was left that could be anything."""

from core.pickles.ledger import Entry, Ledger, Reading
from core.pickles.scan import scan
from tests.core.pickles.samples import benign, saved, tensors


def test_a_ledger_is_complete_unless_something_was_not_read() -> None:
    entry = Entry("", 0, 1, Reading.READ, "a pickle")
    assert Ledger((entry,)).complete
    assert not Ledger((entry,), unread=1).complete


def test_the_entries_of_a_plain_file_cover_it_without_gaps() -> None:
    data = benign() + bytes(50)
    position = 0
    for entry in scan(data).ledger.entries:
        assert entry.start == position
        position = entry.end
    assert position == len(data)


def test_every_member_of_a_torch_file_has_an_entry() -> None:
    report = scan(saved(tensors()))
    assert {member.name for member in report.members} == {entry.member for entry in report.ledger.entries}
