"""What a proof tells of a mail beside the mail itself: headings, and faults of templates in a line each."""

from pathlib import Path

import pytest

from newsletter.config import Settings
from newsletter.models import Issue
from newsletter.pipeline import proofs, samples
from newsletter.pipeline.templates import Checked, Fault


def issue(kind: str, language: str = "en") -> Issue:
    return samples.kinds()[kind].make(language)


def test_each_paper_has_the_heading_that_it_stands_under():
    assert proofs.headings(issue("sections", "de")) == [
        "Für Sie",
        "Aus den Tagen ohne Mail",
        "Aus den Tagen ohne Mail",
        "Bei allen beliebt",
        "Etwas anderes",
    ]


@pytest.mark.parametrize("kind", ["one", "many"])
def test_with_one_section_there_is_no_heading(kind):
    made = issue(kind)
    assert proofs.headings(made) == [""] * len(made.picks)


def test_papers_of_older_issues_that_are_in_no_order_have_none():
    made = issue("issue")
    assert len(set(proofs.headings(made))) == 3
    mixed = made._replace(picks=tuple(made.picks[at] for at in (0, 3, 1, 4, 2)))
    assert proofs.headings(mixed) == [""] * 5


def test_a_fault_is_a_line_with_its_file_as_the_settings_name_it(tmp_path: Path):
    faults = (
        Fault(tmp_path / "own" / "email" / "x.mjml.j2", 3, "it is wrong", "right"),
        Fault(Path("/elsewhere/y.mjml.j2"), 1, "`a` is not given here", ""),
    )
    assert proofs.checked(Settings(folder=tmp_path), Checked(2, 2, faults)) == (
        "own/email/x.mjml.j2:3: It is wrong. Is right meant?",
        "/elsewhere/y.mjml.j2:1: `a` is not given here.",
    )


def test_there_is_a_sample_of_every_kind_of_mail():
    notices = {kind.make("en").notice for kind in samples.kinds().values()}
    assert notices == {None, "welcome", "confirmation", "goodbye", "link", "known", "answer", "nothing"}
