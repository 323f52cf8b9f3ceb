import re

import yaml  # type: ignore[import-untyped]

from core.limits import HOSTED
from core.process import ROOT
from deploy import serve
from ui.visitor import COOKIE

NGINX = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
CADDY = (ROOT / "deploy/Caddyfile").read_text(encoding="utf-8")
SPACE = (ROOT / "deploy/huggingface/README.md").read_text(encoding="utf-8")


def nginx() -> list[str]:
    """Its directives, each in one line."""
    bare = "\n".join(line for line in NGINX.splitlines() if not line.lstrip().startswith("#"))
    return [" ".join(part.split()) for part in re.split(r"[;{}]", bare) if part.strip()]


def test_both_proxies_have_balanced_blocks() -> None:
    for text in (NGINX, CADDY):
        bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        assert bare.count("{") == bare.count("}") >= 3


def test_nginx_keeps_a_visitor_on_one_replica_by_the_apps_own_cookie() -> None:
    assert f"map $cookie_{COOKIE} $under_the_hood_visitor" in nginx()
    assert f"default $cookie_{COOKIE}" in nginx()
    assert '"" $remote_addr' in nginx()
    assert "hash $under_the_hood_visitor consistent" in nginx()
    assert len([line for line in nginx() if line.startswith("server 127.0.0.1:")]) == 2


def test_nginx_passes_the_websocket_the_name_and_nothing_that_a_visitor_claims() -> None:
    headers = dict(line.split(" ", 2)[1:] for line in nginx() if line.startswith("proxy_set_header "))
    assert headers == {
        "Upgrade": "$http_upgrade",
        "Connection": "$under_the_hood_connection",
        "Host": "$http_host",
        "X-Forwarded-For": "$remote_addr",
        "X-Forwarded-Proto": "$scheme",
        "X-Forwarded-Host": '""',
    }
    assert "proxy_http_version 1.1" in nginx()


def test_nginx_writes_no_input_of_a_visitors_down() -> None:
    (form,) = [line for line in nginx() if line.startswith("log_format ")]
    assert not {"$request", "$request_uri", "$args", "$query_string", "$http_referer"} & set(
        re.findall(r"\$\w+", form)
    )
    logs = [line for line in nginx() if line.startswith("access_log ")]
    assert logs
    assert all(line.endswith((" off", " under_the_hood")) for line in logs)


def test_both_proxies_let_the_largest_upload_through_and_little_more() -> None:
    (most,) = re.findall(r"client_max_body_size (\d+)m", NGINX)
    (other,) = re.findall(r"max_size (\d+)MB", CADDY)
    assert HOSTED.max_upload_mb < int(most) <= HOSTED.max_upload_mb + 5
    assert HOSTED.max_upload_bytes < int(other) * 10**6 <= HOSTED.max_upload_bytes + 5 * 2**20


def test_both_proxies_hide_the_metrics() -> None:
    assert "location = /_stcore/metrics" in nginx()
    assert "respond /_stcore/metrics 404" in CADDY


def test_caddy_keeps_a_visitor_on_one_replica_and_asks_whether_it_is_well() -> None:
    assert re.search(r"^\s*lb_policy cookie \w+$", CADDY, re.MULTILINE)
    assert re.search(r"^\s*health_uri /_stcore/health$", CADDY, re.MULTILINE)


def test_a_space_is_built_from_the_dockerfile_and_asked_at_its_port() -> None:
    _, front, text = SPACE.split("---\n", 2)
    settings = yaml.safe_load(front)
    assert settings["sdk"] == "docker"
    assert settings["app_port"] == serve.PORT
    # Hugging Face's limit.
    assert len(settings["short_description"]) <= 60
    assert text.strip().startswith("# ")
