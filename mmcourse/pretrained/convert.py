"""The machinery of all converters: one table of names an architecture, read in both directions."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from mmcourse.base import Model, ModelConfig
from mmcourse.checkpoint import CheckpointError


class Layout(NamedTuple):
    """How a tensor is stored elsewhere.

    Attributes:
        read: theirs -> ours.
        write: ours -> theirs; the configuration says what the shape alone does not.
    """

    read: Callable[[Tensor], Tensor]
    write: Callable[[Tensor, Any], Tensor]


SAME = Layout(lambda t: t, lambda t, config: t)
#: A batch of one in front: (N, D) here, (1, N, D) there.
BATCHED = Layout(lambda t: t.squeeze(0), lambda t, config: t[None])
#: Matrices (in, out), as transformers' Conv1D keeps them; biases are as everywhere.
TRANSPOSED = Layout(lambda t: t.T if t.dim() == 2 else t, lambda t, config: t.T if t.dim() == 2 else t)


class Row(NamedTuple):
    """One line of a table: a module (its weight and bias follow it) or a parameter, ``{}`` for the number of a layer.

    Attributes:
        ours: its name here; several where theirs is fused along its first dimension.
        theirs: its name there; several where it is spelled in several ways, the first as in files.
        layout: how it is stored there.
    """

    ours: str | tuple[str, ...]
    theirs: str | tuple[str, ...]
    layout: Layout = SAME


LEAF = r"(\.weight|\.bias|\.running_mean|\.running_var|\.num_batches_tracked|)"


def _tuple(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _match(name: str, key: str) -> tuple[str, ...] | None:
    """The number of the layer (where the name has one) and the leaf, ``.weight``, ``.bias`` or nothing.

    A batch norm has its means, variances and their count besides.
    """
    found = re.fullmatch(re.escape(name).replace(r"\{\}", r"(\d+)") + LEAF, key)
    return found.groups() if found else None


def _fill_in(name: str, groups: tuple[str, ...]) -> str:
    return name.format(*groups[:-1]) + groups[-1]


def read(state: Mapping[str, Tensor], rows: Sequence[Row], prefixes: Iterable[str] = ()) -> dict[str, Tensor]:
    """Tensors of another package under this package's names and in its layouts.

    Args:
        state: name there -> tensor.
        rows: the table.
        prefixes: taken off names where they are there, one after the other.

    Raises:
        CheckpointError: a key that the table does not know, or that is there in two spellings; the line names it.
    """
    found: dict[str, Tensor] = {}
    for key, tensor in state.items():
        short = key
        for prefix in prefixes:
            short = short.removeprefix(prefix)
        hits = ((row, _match(name, short)) for row in rows for name in _tuple(row.theirs))
        row, groups = next(((row, groups) for row, groups in hits if groups is not None), (None, None))
        if row is None or groups is None:
            raise CheckpointError(f"the checkpoint holds {key!r}, which this model has no place for.")
        names = [_fill_in(name, groups) for name in _tuple(row.ours)]
        pieces = row.layout.read(tensor).chunk(len(names)) if len(names) > 1 else [row.layout.read(tensor)]
        for name, piece in zip(names, pieces, strict=False):
            if name in found:
                raise CheckpointError(f"the checkpoint holds {key!r} twice, in two spellings; remove one of them.")
            found[name] = piece
    return found


def name_there(key: str, rows: Sequence[Row], spelling: int = 0) -> tuple[str, Row]:
    """What the other package calls a tensor of ours, and the table's row that says so.

    Raises:
        CheckpointError: it has no such thing.
    """
    for row in rows:
        for name in _tuple(row.ours):
            groups = _match(name, key)
            if groups is not None:
                theirs = _tuple(row.theirs)
                return _fill_in(theirs[min(spelling, len(theirs) - 1)], groups), row
    raise CheckpointError(f"{key} has no counterpart there; only models of the published kind can be written.")


def write(
    state: Mapping[str, Tensor], rows: Sequence[Row], config: ModelConfig, spelling: int = 0
) -> dict[str, Tensor]:
    """The way back of :func:`read`: tensors under the other package's names and in its layouts.

    Args:
        state: our name -> tensor.
        rows: the table.
        config: of the model.
        spelling: which of several names of the same thing.
    """
    parts: dict[str, tuple[Row, dict[str, Tensor]]] = {}
    for key, tensor in state.items():
        theirs, row = name_there(key, rows, spelling)
        parts.setdefault(theirs, (row, {}))[1][key] = tensor
    written = {}
    for theirs, (row, pieces) in parts.items():
        # In the table's order, which is that of the fused tensor.
        ordered = [t for name in _tuple(row.ours) for key, t in pieces.items() if _match(name, key) is not None]
        whole = ordered[0] if len(ordered) == 1 else torch.cat(ordered)
        written[theirs] = row.layout.write(whole, config).contiguous()
    return written


def build(model: type[Model], config: ModelConfig, state: Mapping[str, Tensor], rows: Sequence[Row]) -> Model:
    """A model of this configuration that holds these tensors, in their floating-point type and in evaluation mode.

    What does not fit is found on the meta device, before any memory is asked for.

    Args:
        model: the class.
        config: its configuration.
        state: our name -> tensor, all of them.
        rows: the table, so that errors name what the file holds.

    Raises:
        CheckpointError: a tensor is missing, left over, or of another shape; the line names it.
    """
    counts = [value for name, value in vars(config).items() if name.endswith("layers")]
    layers = sum(sum(value) if isinstance(value, tuple) else value for value in counts)
    if layers > len(state):
        raise CheckpointError(f"the configuration asks for {layers} layers, the checkpoint holds {len(state)} tensors.")
    try:
        with torch.device("meta"):
            own = model(config).state_dict()
    except RuntimeError as error:
        raise CheckpointError(f"the configuration asks for what no machine can hold ({error}).") from error
    except ValueError as error:
        raise CheckpointError(f"the configuration makes no {model.__name__}: {error}") from error

    def named(key: str) -> str:
        try:
            return name_there(key, rows)[0]
        except CheckpointError:
            return key

    for problem, keys in (("lacks", own.keys() - state.keys()), ("has left over", state.keys() - own.keys())):
        if keys:
            raise CheckpointError(f"the checkpoint {problem} {', '.join(sorted({named(key) for key in keys}))}.")
    for key, tensor in state.items():
        if tensor.shape != own[key].shape:
            raise CheckpointError(
                f"{named(key)} has shape {tuple(tensor.shape)} in the checkpoint ({key} here), the configuration asks "
                f"for {tuple(own[key].shape)}."
            )
    kinds = {tensor.dtype for key, tensor in state.items() if tensor.is_floating_point()}
    if any(tensor.is_meta for tensor in state.values()):  # shapes without numbers give a model without numbers
        with torch.device("meta"):
            made = model(config)
        made.load_state_dict(dict(state), assign=True)
        return made.eval()
    made = model(config).to(next(iter(kinds)) if len(kinds) == 1 else torch.float32)
    made.load_state_dict(dict(state))
    return made.eval()


@contextmanager
def readable(kind: str) -> Iterator[None]:
    """Whatever a configuration from outside does wrong inside this block ends in one line.

    Args:
        kind: the class that the configuration is of.

    Raises:
        CheckpointError: a field is missing, or holds what makes no such model.
    """
    try:
        yield
    except CheckpointError:
        raise
    except KeyError as error:
        raise CheckpointError(f"the configuration has no {error.args[0]!r}: no {kind}.") from error
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"the configuration makes no {kind}: {reason}") from error


def pair(size: int | Sequence[int]) -> tuple[int, int]:
    """Height and width, where one number says both; configurations of others have either."""
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


class Converter(ABC):
    """One architecture of the package transformers, in both directions.

    A subclass gives the table of names and says how one configuration becomes the other.
    """

    model: ClassVar[type[Model]]
    #: Classes of transformers that are read; the first is the one that is written.
    classes: ClassVar[tuple[str, ...]]
    model_type: ClassVar[str]
    rows: ClassVar[tuple[Row, ...]]
    #: In front of all names but the head's; those of ``bare`` classes, which have no head, have none.
    prefix: ClassVar[str]
    heads: ClassVar[tuple[str, ...]]
    bare: ClassVar[tuple[str, ...]] = ()
    #: What bare classes are built with, beside their configuration.
    bare_options: ClassVar[Mapping[str, Any]] = {}
    #: Left out when reading: what this package's model has no use for.
    ignored: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def config(self, theirs: Mapping[str, Any], processor: Mapping[str, Any] | None, ours: dict[str, Tensor]) -> Any:
        """Our configuration from theirs, the image processor's, and the tensors; may mend the tensors."""

    @abstractmethod
    def publish(self, model: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
        """Their configuration, their image processor's, and our tensors as the table can name them."""

    def read(self, config: Mapping[str, Any], state: Mapping[str, Tensor], processor: Mapping[str, Any] | None) -> Any:
        """Our model of a published configuration, tensors, and image processor (None where there is none)."""
        kept = {k: t for k, t in state.items() if not k.removeprefix(self.prefix).startswith(self.ignored)}
        tensors = read(kept, self.rows, (self.prefix,))
        with readable(self.classes[0]):
            ours = self.config(config, processor, tensors)
        return build(self.model, ours, tensors, self.rows)

    def tensors(self, state: Mapping[str, Tensor], config: ModelConfig, name: str, spelling: int) -> dict[str, Tensor]:
        """Our tensors under the full names that the class ``name`` of transformers gives them."""
        written = write(state, self.rows, config, spelling)
        prefix = "" if name in self.bare else self.prefix
        return {key if key.startswith(self.heads) else prefix + key: tensor for key, tensor in written.items()}
