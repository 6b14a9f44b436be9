"""Validates each document of standard input against the schemas of Kubernetes; what these do not know is printed, not refused."""

import sys

import kubernetes_validate
import yaml

failed = False
for resource in yaml.safe_load_all(sys.stdin):
    if resource is None:
        continue
    name = f"{resource['kind']} {resource['metadata']['name']}"
    try:
        version = kubernetes_validate.validate(resource, "1.37", strict=True)
        print(f"{name}: valid in {version}")
    except kubernetes_validate.SchemaNotFoundError:
        print(f"{name}: no schema")
    except kubernetes_validate.ValidationError as error:
        failed = True
        print(f"{name}: {error.message} at {list(error.path)}")
sys.exit(1 if failed else 0)
