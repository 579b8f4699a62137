"""The JSON Schema of the manifest; fields are described by the texts below them in the code."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from hrnet_zoo.system.strict import Strict
from hrnet_zoo.zoo.row import manifest_type


def manifest_schema() -> dict[str, Any]:
    """Return the schema of manifests, for the tasks and data sets that there are now."""
    return manifest_type().model_json_schema(schema_generator=_Described)


class _Described(GenerateJsonSchema):
    # pydantic can take these texts itself (use_attribute_docstrings), but then reads the source of
    # every model whenever it is imported, which took a tenth of the start-up of `list`.

    def model_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 - pydantic's
        """Add what pydantic leaves out."""
        made = super().model_schema(schema)
        for base in schema["cls"].__mro__:
            for name, text in _texts(base).items() if issubclass(base, Strict) else ():
                made["properties"].get(name, {}).setdefault("description", text)
        return made


def _texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the texts below the fields of a class."""
    (definition,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(definition, ast.ClassDef)
    texts = {}
    for field, below in pairwise(definition.body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            assert isinstance(field.target, ast.Name)
            texts[field.target.id] = inspect.cleandoc(ast.literal_eval(below.value))
    return texts
