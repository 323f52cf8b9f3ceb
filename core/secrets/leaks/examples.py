"""Texts to try the scan on. Their keys are made of parts when this module is imported, and open nothing."""

from __future__ import annotations

import hashlib
import json
import textwrap
from dataclasses import dataclass
from typing import Final

from core.secrets.leaks.leak import Language


@dataclass(frozen=True)
class Example:
    """A text to try the scan on.

    Attributes:
        title: what a menu says.
        language: what it is.
        text: the text.
    """

    title: str
    language: Language
    text: str


def _letters(seed: str, length: int) -> str:
    """Letters and digits that look random and are the same each time."""
    digest = hashlib.shake_256(seed.encode()).digest(length)
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
    return "".join(alphabet[byte % len(alphabet)] for byte in digest)


def _program() -> str:
    key = "sk-" + "proj-" + _letters("program", 48)
    text = f'''
        """Asks a model one question."""

        from openai import OpenAI

        API_KEY = "{key}"  # it works on my machine

        client = OpenAI(api_key=API_KEY)
        headers = {{"Authorization": f"Bearer {key}", "Accept": "application/json"}}
        database = "postgresql://app:{_letters("database", 14)}@db.internal:5432/app"


        def ask(question: str, password: str = "{_letters("password", 10)}") -> str:
            """Gives the answer."""
            return client.responses.create(model="gpt-5", input=question).output_text
        '''
    return textwrap.dedent(text).lstrip()


def _notebook() -> str:
    token = "hf" + "_" + _letters("notebook", 34)
    cells = [
        {
            "cell_type": "markdown",
            "id": "intro",
            "metadata": {},
            "source": ["# Load a model\n", "The token comes from the environment, so what could go wrong?"],
        },
        {
            "cell_type": "code",
            "execution_count": 1,
            "id": "token",
            "metadata": {},
            "outputs": [
                {
                    "data": {"text/plain": [f"'{token}'"]},
                    "execution_count": 1,
                    "metadata": {},
                    "output_type": "execute_result",
                }
            ],
            "source": ["%load_ext dotenv\n", "import os\n", "\n", 'os.getenv("HF_TOKEN")'],
        },
        {
            "cell_type": "code",
            "execution_count": 2,
            "id": "login",
            "metadata": {},
            "outputs": [],
            "source": ["from huggingface_hub import login\n", "\n", f'login(token="{token}")'],
        },
    ]
    document = {
        "cells": cells,
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1) + "\n"


def _env() -> str:
    return (
        "# Copied from the old server\n"
        f"ANTHROPIC_API_KEY={'sk-' + 'ant-' + 'api03-' + _letters('anthropic', 93) + 'AA'}\n"
        f"AWS_ACCESS_KEY_ID={'AK' + 'IA' + _letters('id', 16).upper()}\n"
        f"AWS_SECRET_ACCESS_KEY={_letters('secret', 40)}\n"
        f'DB_PASSWORD="{_letters("db", 12)}"\n'
        "LOG_LEVEL=INFO\n"
        "MAX_TOKENS=4096\n"
    )


_CLEAN: Final = '''
    """Asks a model one question. Its key looks like sk-proj-... and is not in here."""

    import os

    from openai import OpenAI

    api_key = os.getenv("OPENAI_API_KEY")
    token = "<your-token>"
    password = "changeme"
    commit = "3f786850e387550fdab836ed7e6dc881de23001b"
    pad_token = "<pad>"

    client = OpenAI(api_key=api_key)
    '''

EXAMPLES: Final[tuple[Example, ...]] = (
    Example("A program with a key in it", Language.PYTHON, _program()),
    Example("A notebook that printed its token", Language.NOTEBOOK, _notebook()),
    Example("A .env", Language.ENV, _env()),
    Example("A program with placeholders", Language.PYTHON, textwrap.dedent(_CLEAN).lstrip()),
)
