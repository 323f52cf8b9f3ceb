"""Keys of clouds, as they look in 2026."""

from __future__ import annotations

from typing import Final

from core.secrets.leaks.rule import Rule, token

_IAM: Final = (
    "Deactivate and delete it in AWS IAM under the user's security credentials, and read CloudTrail."
)
_GOOGLE: Final = (
    "Delete it in the Google Cloud console under Credentials, or in Google AI Studio under API keys."
)
_AZURE: Final = "Rotate the storage account's keys in the Azure portal under Access keys."

CLOUD_RULES: Final[tuple[Rule, ...]] = (
    # AKIA: of a user, ASIA: temporary. The characters are base32's; all digits are let through.
    token(
        "aws-access-key-id",
        "AWS access key id",
        "AWS_ACCESS_KEY_ID",
        "A[KS]IA",
        r"[A-Z0-9]{16}",
        _IAM,
        "AKIA",
        "ASIA",
    ),
    # 40 characters of base64 alone are anything: only beside a key id, or under its name.
    Rule(
        "aws-secret-access-key",
        "AWS secret access key",
        "AWS_SECRET_ACCESS_KEY",
        "",
        r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]{0,39}[0-9])(?=[A-Za-z0-9/+]{0,39}[a-z])"
        r"(?=[A-Za-z0-9/+]{0,39}[A-Z])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        _IAM,
        ("AKIA", "ASIA", "aws", "AWS", "ecret"),
        beside=r"(?i:aws.{0,20}secret|secret.{0,3}access.{0,3}key)|A[KS]IA[A-Z0-9]{16}",
        least=3.5,
    ),
    token(
        "google-api-key",
        "Google API key",
        "GOOGLE_API_KEY",
        "AIza",
        r"[A-Za-z0-9_-]{35}",
        _GOOGLE,
    ),
    # What Google AI Studio hands out since 2026: AQ.Ab8RN6 and 44 characters.
    token(
        "google-auth-key",
        "Gemini API key (authorization key)",
        "GEMINI_API_KEY",
        r"AQ\.Ab",
        r"[A-Za-z0-9_-]{30,100}+",
        _GOOGLE,
    ),
    token(
        "google-oauth-secret",
        "Google OAuth client secret",
        "GOOGLE_CLIENT_SECRET",
        "GOCSPX-",
        r"[A-Za-z0-9_-]{24,40}+",
        "Reset it in the Google Cloud console under Credentials, OAuth 2.0 Client IDs.",
    ),
    token(
        "google-oauth-token",
        "Google OAuth access token",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        r"ya29\.",
        r"[A-Za-z0-9_-]{30,500}+",
        "It expires in an hour; revoke the app's access in the Google account.",
    ),
    Rule(
        "google-service-account",
        "Private key of a Google service account",
        "GOOGLE_PRIVATE_KEY",
        "",
        r"""["']private_key["']\s{0,4}:\s{0,4}["'](?P<secret>-----BEGIN PRIVATE KEY-----"""
        r"""(?:(?!-----)[^"'\x00]){60,8000}+(?:-----END PRIVATE KEY-----(?:\\n|\s){0,3})?)""",
        "Delete this key of the service account in the Google Cloud console under IAM, Service accounts.",
        ("private_key",),
        public="-----BEGIN PRIVATE KEY-----",
    ),
    Rule(
        "azure-storage-key",
        "Azure storage account key",
        "AZURE_STORAGE_KEY",
        "",
        r"AccountKey=(?P<secret>[A-Za-z0-9+/]{80,88}={0,2})",
        _AZURE,
        ("AccountKey=",),
    ),
    Rule(
        "azure-client-secret",
        "Microsoft Entra client secret",
        "AZURE_CLIENT_SECRET",
        "",
        r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])",
        "Delete it in Microsoft Entra under the app's certificates and secrets.",
        ("Q~",),
    ),
    token(
        "databricks",
        "Databricks access token",
        "DATABRICKS_TOKEN",
        "dapi",
        r"[0-9a-f]{32}(?:-[0-9]{1,2})?",
        "Revoke it in the Databricks workspace under the user's settings, Developer.",
    ),
    token(
        "digitalocean",
        "DigitalOcean token",
        "DIGITALOCEAN_TOKEN",
        "do",
        r"[opr]_v1_[0-9a-f]{64}",
        "Delete it in the DigitalOcean control panel under API.",
        "dop_v1_",
        "doo_v1_",
        "dor_v1_",
        public=r"do[opr]_v1_",
    ),
)
