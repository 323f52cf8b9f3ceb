"""The Would it leak? tab: secrets in code, notebooks and `.env` text, and in git."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.secrets.env_file import Answer, SafetyCheck, examine
from core.secrets.env_text import EnvTextError, decode
from core.secrets.leaks import EXAMPLES, Language, LeakError, LeakScan, fix, language_of_file, scan
from core.secrets.sample_repository import Sample, examine_sample
from core.settings import ENV_FILE
from ui.cards import card, show_cards, verdict
from ui.limits import limits
from ui.messages import trouble
from ui.secrets.inputs import LEAK_VIEWS, OWN_FOLDER, OWN_TEXT, SCANNED, is_local, repositories
from ui.secrets.text import PREFIX, text_area

_TEXT: Final = f"{PREFIX}:scanned"
_GUESS: Final = "By its looks"
_LANGUAGE: Final = "secrets:language"
_SYNTAX: Final = {
    Language.PYTHON: "python",
    Language.NOTEBOOK: "json",
    Language.ENV: "bash",
    Language.TEXT: None,
}
_SIGNS: Final = {True: "✓", False: "✗", None: "? unknown"}
_EXAMPLES: Final = {each.title: each for each in EXAMPLES}


def show_leaks(*, projector: bool) -> None:
    """Draws the tab."""
    view = st.segmented_control(
        "Question",
        LEAK_VIEWS,
        default=LEAK_VIEWS[0],
        key="leaks",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if view == LEAK_VIEWS[1]:
        _in_git()
    else:
        _in_code(projector=projector)


def _in_code(*, projector: bool) -> None:
    left, right = st.columns([1, 1.4], gap="medium")
    with left:
        text, language = _text(projector=projector)
    with right:
        if not text:
            st.caption("What is found is here.")
            return
        try:
            found = scan(text, language)
            _findings(found)
            if found.leaks:
                _fixed(text, found.language)
        except LeakError as error:
            trouble(str(error))


def _text(*, projector: bool) -> tuple[str, Language | None]:
    name = st.selectbox("Scan", SCANNED, key="scanned", bind="query-params")
    if name != OWN_TEXT:
        example = _EXAMPLES[str(name)]
        st.code(example.text, language=_SYNTAX[example.language], height=260 if projector else 380)
        return example.text, example.language
    language = st.segmented_control(
        "Read as", (_GUESS, *Language), default=_GUESS, key=_LANGUAGE, required=True
    )
    text = text_area("Code, a notebook's JSON, or `.env` text", key=_TEXT, height=260)
    file = st.file_uploader("Or a file", key="secrets:file", max_upload_size=limits().max_upload_mb)
    if file is not None:
        data = file.getvalue()
        st.caption("The file is scanned, not the text above: remove it to scan that.")
        try:
            text = decode(data, limits().max_upload_bytes)
        except EnvTextError as error:
            trouble(str(error))
            return "", None
    most = limits().max_text_characters
    if len(text) > most:
        trouble(f"Got {len(text):,} characters, expected at most {most:,}: give a part of them.")
        return "", None
    st.caption("It is scanned here and kept nowhere else. Never is a key tried out.")
    if language == _GUESS:
        return text, None if file is None else language_of_file(file.name)
    return text, Language(str(language))


def _findings(found: LeakScan) -> None:
    if not found.leaks:
        lines = f"{found.lines:,} line{'' if found.lines == 1 else 's'}"
        words = f"In {lines}, read as {found.language}. A key without a form of its own may still be there."
        show_cards(verdict("✓", "nothing that these rules know", words))
    else:
        certain = sum(leak.confidence == "certain" for leak in found.leaks)
        show_cards(
            card("found", str(len(found.leaks)), "silent", f"{certain} of them certain"),
            verdict("✗", "would leak", f"Whoever has this text has the keys: {found.leaks[0].advice}"),
        )
        st.dataframe(
            [
                {
                    "where": f"cell {leak.cell}, line {leak.line}" if leak.cell else f"line {leak.line}",
                    "what": leak.title,
                    "value": leak.masked,
                    "how sure": str(leak.confidence),
                    "given to": leak.variable,
                    "what to do": leak.advice,
                }
                for leak in found.leaks
            ],
            hide_index=True,
            height="content" if len(found.leaks) < 9 else 330,
            alt="Every leak: where it is, what it is, and what to do; without its value",
        )
    for note in found.notes:
        st.caption(note)


def _fixed(text: str, language: Language) -> None:
    fixed = fix(text, language)
    st.markdown("**The same without the keys**")
    st.code(fixed.text, language=_SYNTAX[language], height=240)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            ".env.example", fixed.env_example, ".env.example", "text/plain", icon=":material/download:",
            on_click="ignore", key="secrets:env-example",
        )  # fmt: skip
        st.caption(
            f"Set in the environment or in `.env`: {', '.join(f'`{name}`' for name in fixed.variables)}"
        )
    for note in fixed.notes:
        st.caption(note)


def _in_git() -> None:
    chosen = st.selectbox(
        "What becomes of `.env`", repositories(), key="repository", bind="query-params", width=420
    )
    if chosen == OWN_FOLDER and is_local():
        checks = examine(ENV_FILE.parent)
    else:
        st.caption("A small repository, made for this example in a temporary folder; git answers for real.")
        checks = examine_sample(Sample(str(chosen)))
    checks = tuple(sorted(checks, key=lambda check: check.good is not False))
    bad = [check for check in checks if check.good is False]
    unknown = sum(check.good is None for check in checks)
    show_cards(
        card("as it should be", f"{sum(check.good is True for check in checks)} of {len(checks)}", "fired"),
        card("cannot be told", str(unknown), "gradient"),
        verdict("✗", "not safe", bad[0].detail) if bad else verdict("✓", "safe, as far as can be told", ""),
    )
    st.dataframe(
        [
            {
                "": _SIGNS[check.good],
                "question": check.question,
                "answer": "" if check.answer is Answer.UNKNOWN else str(check.answer),
                "why": check.detail,
            }
            for check in checks
        ],
        hide_index=True,
        height="content",
        alt="Whether .env is safe: every question with its answer",
    )
    _fixes([check for check in checks if check.fix])


def _fixes(checks: list[SafetyCheck]) -> None:
    questions: dict[str, list[str]] = {}
    for check in checks:
        questions.setdefault(check.fix, []).append(f"**{check.question}** {check.answer}.")
    for mend, asked in questions.items():
        st.markdown(f"{' '.join(asked)} In the folder of the file:")
        st.code(mend, language="bash")
