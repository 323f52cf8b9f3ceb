"""Keys of services for language models and machine learning, as they look in 2026.

Cohere, Mistral, Together and others hand out keys without a form of their own (40 or 32 letters and digits):
those are found by the name of the variable (`keyword`), not here.
"""

from __future__ import annotations

from typing import Final

from core.secrets.leaks.leak import Confidence
from core.secrets.leaks.rule import Rule, token

AI_RULES: Final[tuple[Rule, ...]] = (
    # Project, service account and admin keys have 48 to 156 characters after their prefix; "None" was one in
    # 2024.
    token(
        "openai",
        "OpenAI API key",
        "OPENAI_API_KEY",
        "sk-",
        r"(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_-]{20,220}+",
        "Revoke it in the OpenAI platform under API keys, and look at the usage.",
        "sk-proj-",
        "sk-svcacct-",
        "sk-admin-",
        "sk-service-",
        "sk-None-",
        public=r"sk-(?:proj|svcacct|admin|service|None)-",
    ),
    token(
        "openai-legacy",
        "OpenAI API key (the form until 2024)",
        "OPENAI_API_KEY",
        "sk-",
        r"[A-Za-z0-9]{40,64}+",
        "Revoke it in the OpenAI platform under API keys, and look at the usage.",
    ),
    token(
        "anthropic",
        "Anthropic API key",
        "ANTHROPIC_API_KEY",
        "sk-ant-",
        r"(?:[a-z]{2,12}[0-9]{2}-)?[A-Za-z0-9_-]{20,200}+",
        "Delete it in the Claude Console under API keys, and look at the usage.",
    ),
    token(
        "openrouter",
        "OpenRouter API key",
        "OPENROUTER_API_KEY",
        "sk-or-",
        r"v1-[0-9a-f]{40,80}+",
        "Delete it in OpenRouter's settings under Keys.",
        public="sk-or-v1-",
    ),
    token(
        "openai-compatible",
        "Key of a service with OpenAI's interface (DeepSeek, DashScope, Moonshot and others)",
        "API_KEY",
        "sk-",
        r"[A-Za-z0-9]{24,39}+",
        "Revoke it in the console of the service that gave it.",
        confidence=Confidence.MEDIUM,
    ),
    token(
        "huggingface",
        "Hugging Face token",
        "HF_TOKEN",
        "hf_",
        r"[A-Za-z0-9]{30,40}+",
        "Revoke it in Hugging Face's settings under Access Tokens.",
    ),
    token(
        "huggingface-org",
        "Hugging Face token of an organization",
        "HF_TOKEN",
        "api_org_",
        r"[A-Za-z0-9]{30,40}+",
        "Revoke it in the settings of the Hugging Face organization.",
    ),
    # pcsk_, a label of 5 or 6 characters, and 63 more; the API's reference says pckey_.
    token(
        "pinecone",
        "Pinecone API key",
        "PINECONE_API_KEY",
        "pc",
        r"(?:sk|key)_[A-Za-z0-9_]{40,100}+",
        "Delete it in the Pinecone console under API keys.",
        "pcsk_",
        "pckey_",
        public=r"pc(?:sk|key)_",
    ),
    token(
        "groq",
        "Groq API key",
        "GROQ_API_KEY",
        "gsk_",
        r"[A-Za-z0-9]{40,64}+",
        "Delete it in the Groq console under API Keys.",
    ),
    token(
        "replicate",
        "Replicate API token",
        "REPLICATE_API_TOKEN",
        "r8_",
        r"[A-Za-z0-9]{30,44}+",
        "Disable it in Replicate's account settings under API tokens.",
    ),
    token(
        "xai",
        "xAI API key",
        "XAI_API_KEY",
        "xai-",
        r"[A-Za-z0-9]{60,100}+",
        "Delete it in the xAI console under API Keys.",
    ),
    token(
        "perplexity",
        "Perplexity API key",
        "PERPLEXITY_API_KEY",
        "pplx-",
        r"[A-Za-z0-9]{40,64}+",
        "Delete it in Perplexity's settings under API.",
    ),
    token(
        "nvidia",
        "NVIDIA API key",
        "NVIDIA_API_KEY",
        "nvapi-",
        r"[A-Za-z0-9_-]{50,80}+",
        "Delete it in NVIDIA's account under API keys.",
    ),
    token(
        "langsmith",
        "LangSmith API key",
        "LANGSMITH_API_KEY",
        "lsv2_",
        r"(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
        "Delete it in LangSmith's settings under API keys.",
        public=r"lsv2_(?:pt|sk)_",
    ),
    token(
        "wandb",
        "Weights & Biases API key",
        "WANDB_API_KEY",
        "wandb_v1_",
        r"[A-Za-z0-9]{20,40}_[A-Za-z0-9]{40,60}+",
        "Delete it in the Weights & Biases user settings.",
    ),
    token(
        "tavily",
        "Tavily API key",
        "TAVILY_API_KEY",
        "tvly-",
        r"(?:dev-|prod-)?[A-Za-z0-9]{28,48}+",
        "Delete it in Tavily's dashboard.",
    ),
)
