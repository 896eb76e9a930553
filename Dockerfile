# One image for the hub and its services; what it runs is said in docker-compose.yml.
FROM python:3.11-slim
WORKDIR /cityos
COPY requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY cityos cityos
COPY connectors connectors
COPY services services
COPY cities cities
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && useradd --create-home cityos && mkdir /data && chown cityos /data
USER cityos
ENV PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2
