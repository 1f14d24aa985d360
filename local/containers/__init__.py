"""The stack in containers: what each service of `docker-compose.yml` runs."""
