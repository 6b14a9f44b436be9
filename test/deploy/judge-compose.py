"""Reads a Compose file, as JSON without merge keys, from standard input by the Compose specification. Prints its services."""

import sys

import compose_spec

compose = compose_spec.PyCompose.from_json(sys.stdin.read())
compose.validate()
print(" ".join(sorted(compose.service_names())))
