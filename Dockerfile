# The hosted app in a container: `docker build -t under-the-hood .`, and deploy/README.md has the rest.
# What goes in is listed in .dockerignore.

# The Python that the tests run with. requirements-hosted.txt also fits 3.12 and 3.13.
ARG PYTHON=3.11.16-slim-trixie


FROM python:${PYTHON} AS packages
# PyTorch's builds for a CPU alone: the ones for CUDA take several GB more.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /build
COPY requirements-hosted.txt ./
# Wheels only, so that nothing is compiled, and only those whose hash is in the file, whoever serves them.
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
      --only-binary :all: --require-hashes --extra-index-url "${TORCH_INDEX}" \
      --requirement requirements-hosted.txt


FROM python:${PYTHON} AS browser-runtime
# ONNX Runtime for visitors' browsers: 33 MB from npm's registry, or from the one that is named here.
ARG BROWSER_RUNTIME=true
ARG npm_config_registry=
WORKDIR /build
COPY ui/__init__.py ui/
COPY ui/browser_runtime/ ui/browser_runtime/
RUN mkdir data \
 && if [ "${BROWSER_RUNTIME}" = true ]; then python -m ui.browser_runtime.fetch; fi


FROM python:${PYTHON}
# tini is the first process: it passes signals on, and clears up after child processes that lost their parent.
# git answers the secrets lab's questions about made-up repositories.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini=0.19.0-* git=1:2.* \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin app \
 && install --directory --owner app --group app /data

ENV PATH=/venv/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/.cache \
    MALLOC_ARENA_MAX=2 \
    STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE=true \
    UTH_MODE=hosted \
    UTH_DATA_DIR=/data \
    PORT=8501

WORKDIR /app
COPY --from=packages /venv /venv
COPY --from=browser-runtime /build/data data
COPY . .
# Compiled here, since nothing can be written where it runs; readable for all, whatever the builder's umask was.
RUN python -m compileall -q --invalidation-mode unchecked-hash . \
 && chmod -R a+rX .

ARG REVISION=
LABEL org.opencontainers.image.title="Under the Hood" \
      org.opencontainers.image.description="What PyTorch and production Python really do, live in a browser" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}"

USER 1000:1000
VOLUME ["/data"]
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "deploy.health"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "deploy.serve"]
