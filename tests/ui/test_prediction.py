"""Predict first: nothing is told before a guess, and a guess belongs to its question."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from ui.prediction import Question, predict

    def judge(text: str) -> tuple[bool, str]:
        if not text.isdecimal():
            raise ValueError(f"<{text}> is no number")
        return text == "42", f"you said <{text}>"

    def conclude() -> None:
        st.text("conclusion")

    questions = [Question("one", judge, "ANSWER-1"), Question("two", judge, "ANSWER-2")]
    done = predict(
        questions[: st.session_state.get("count", 2)],
        about=st.session_state.get("about", "a"),
        hint="Say 42 or not.",
        conclusion=conclude,
    )
    st.text("all told" if done else "hidden")


def opened() -> AppTest:
    app = AppTest.from_function(page).run()
    assert not app.exception
    return app


def shown(app: AppTest) -> str:
    return "".join(html.value for html in app.html)


def test_nothing_is_told_before_a_guess() -> None:
    app = opened()
    assert [field.label for field in app.text_input] == ["Your guess for one", "Your guess for two"]
    assert "ANSWER" not in shown(app)
    assert [text.value for text in app.text] == ["hidden"]


def test_a_guess_tells_its_own_answer_only() -> None:
    app = opened()
    app.text_input[1].set_value("7").run()
    assert "ANSWER-2" in shown(app)
    assert "✗ you said &lt;7&gt;" in shown(app)
    assert "ANSWER-1" not in shown(app)
    assert app.text[0].value == "hidden"
    app.text_input[0].set_value("42").run()
    assert "✓ you said &lt;42&gt;" in shown(app)
    assert [text.value for text in app.text] == ["conclusion", "all told"]


def test_what_is_no_answer_tells_nothing() -> None:
    app = opened()
    app.text_input[0].set_value("<b>").run()
    assert "&lt;&lt;b&gt;&gt; is no number" in shown(app)
    assert "ANSWER" not in shown(app)
    for blank in ("", "   "):
        app.text_input[0].set_value(blank).run()
        assert "ANSWER" not in shown(app)


def test_guesses_are_forgotten_when_the_question_changes() -> None:
    app = opened()
    app.text_input[0].set_value("42").run()
    app.session_state["about"] = "b"
    app.run()
    assert app.text_input[0].value == ""
    assert "ANSWER" not in shown(app)


def test_one_question_is_enough() -> None:
    app = opened()
    app.session_state["count"] = 1
    app.run()
    app.text_input[0].set_value("1").run()
    assert [text.value for text in app.text] == ["conclusion", "all told"]
