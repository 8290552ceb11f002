"""A Sphinx extension: a reference to a name that a package passes on finds the place where it is defined.

``mmcourse.models.ViT`` is ``mmcourse.models.vit.ViT``. Pages may write either; the API lists it once.
"""

from __future__ import annotations

import importlib
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def defined_as(name: str) -> str | None:
    """Where a dotted name of the package is defined, or None if there is no such name."""
    module, rest = name, []
    while "." in module:
        try:
            found: Any = importlib.import_module(module)
        except ImportError:
            module, _, last = module.rpartition(".")
            rest.insert(0, last)
            continue
        try:
            for part in rest:
                found = getattr(found, part)
        except AttributeError:
            return None
        return f"{found.__module__}.{found.__qualname__}" if hasattr(found, "__qualname__") else None
    return None


def resolve(app: Sphinx, env: BuildEnvironment, node: Any, content: nodes.TextElement) -> nodes.reference | None:
    """Try the place of definition for a reference that Sphinx could not place."""
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or not target.startswith("mmcourse."):
        return None
    name = target.rpartition(".")[2]
    real = defined_as(target)
    if real is None or real == target:
        # A function that has the name of its module hides it: look into the module.
        real = f"{target}.{name}"
    domain: Any = env.get_domain("py")
    if real not in domain.objects:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", real, node, content)


def skip(app: Sphinx, what: str, name: str, member: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what stands elsewhere: fields of named tuples, which their class describes, and what another library
    puts into our classes (matplotlib writes a ``set`` into every artist)."""
    if type(member).__name__ == "_tuplegetter":
        return True
    origin = getattr(member, "__module__", None) or "mmcourse"
    return True if what == "class" and origin.split(".")[0] in {"matplotlib", "ipywidgets", "traitlets"} else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("missing-reference", resolve)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
