"""The audio spectrogram transformer (Gong et al., 2021): sounds in, classes out. Derived in :ref:`sec-09-ast`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.checks import choose, numbers, real, sides, tensor, whole
from mmcourse.models.vit import ViT
from mmcourse.tokens.patches import PatchEmbedding, convolution_to_linear, linear_to_convolution
from mmcourse.tokens.positions import Positions
from mmcourse.tokens.spectrogram import LogMel, LogMelConfig
from mmcourse.transformer import AttentionMaps, Encoder, TransformerConfig

PREFIX = 2  # the class token and the distillation token stand before the patches
PIECE = 2**19  # samples that are looked at together, so that an hour needs no more memory than half a minute


@dataclass(frozen=True)
class ASTConfig(ModelConfig):
    """What an AST needs to be built. The published ones: :ref:`sec-09-ast`.

    Args:
        log_mel: how a waveform becomes a spectrogram, its bands M and its normalisation.
        frames: F, the length of the spectrogram; 1,024 are 10 s.
        patch_size: P, frames and bands of a patch.
        stride: bands and frames from one patch to the next, or one number for both.
        classes: number of classes; 0 for a model without a head, whose output is the mean of both tokens (B, D).
        width: Width of a token, D.
        layers: Number of blocks, L.
        heads: Number of heads, H.
        mlp: hidden units of each block's MLP.
        epsilon: of every LayerNorm.
        head_epsilon: of the head's LayerNorm; None for the same. The original code has 1e-5 there.
        position_std: spread of the learned positions at the start.
        dropout: on every sub-layer's output.
        placing: which part of a sound is read. ``"start"``, as published: the first F frames, and zeros after the end
            of the spectrogram of a shorter sound. ``"loudest"``: the F frames around the loudest moment, with silence
            before the start and after the end.
    """

    log_mel: LogMelConfig = dataclasses.field(default_factory=lambda: LogMelConfig.preset("ast-audioset"))
    frames: int = 1024
    patch_size: int = 16
    stride: int | tuple[int, int] = 10
    classes: int = 527
    width: int = 768
    layers: int = 12
    heads: int = 12
    mlp: int = 3072
    epsilon: float = 1e-6
    head_epsilon: float | None = None
    position_std: float = 0.02
    dropout: float = 0.0
    placing: Literal["start", "loudest"] = "start"

    # Gong et al. (2021), section 2.1 and 3; frames and classes: ast, egs/{audioset,esc50,speechcommands}
    PRESETS: ClassVar[dict[str, dict[str, object]]] = {
        "ast-base": {},
        "ast-base-esc50": {"log_mel": LogMelConfig.preset("ast-esc50"), "frames": 512, "classes": 50},
        "ast-base-speech-commands": {
            "log_mel": LogMelConfig.preset("ast-speech-commands"),
            "frames": 128,
            "classes": 35,
        },
    }

    def __post_init__(self) -> None:
        if not isinstance(self.log_mel, LogMelConfig):
            raise TypeError(f"log_mel is {self.log_mel!r}; give a LogMelConfig, as LogMelConfig.preset('ast-esc50').")
        for name, least in {"frames": 1, "patch_size": 1, "classes": 0}.items():
            whole(name, getattr(self, name), least)
        stride = self.stride if isinstance(self.stride, list | tuple) else (self.stride, self.stride)
        down, right = sides("stride", stride)
        object.__setattr__(self, "stride", down if down == right else (down, right))
        real("position_std", self.position_std)
        if self.head_epsilon is not None:
            real("head_epsilon", self.head_epsilon, above=True)
        choose("placing", self.placing, ("start", "loudest"))
        if min(self.frames, self.log_mel.bands) < self.patch_size:
            raise ValueError(
                f"{self.frames} frames of {self.log_mel.bands} bands hold no patch of {self.patch_size} x "
                f"{self.patch_size}; choose a smaller P."
            )
        self.transformer()

    @property
    def strides(self) -> tuple[int, int]:
        """Bands and frames from one patch to the next."""
        return self.stride if isinstance(self.stride, tuple) else (self.stride, self.stride)

    def transformer(self) -> TransformerConfig:
        """The part that stays."""
        return TransformerConfig(
            self.width, self.heads, self.layers, self.mlp, epsilon=self.epsilon, dropout=self.dropout
        )


class AST(Model):
    """A spectrogram as a picture with one channel: overlapping patches, two tokens, positions, encoder, linear head.

    Gong et al. (2021), section 2.1; derived in :ref:`sec-09-ast`. The class and the distillation token come from the
    DeiT that the published weights started from; the head reads the mean of both.

    Args:
        config: sizes and choices.
    """

    config_class = ASTConfig
    config: ASTConfig

    def __init__(self, config: ASTConfig) -> None:
        super().__init__(config)
        c = config
        self.log_mel = LogMel(c.log_mel)
        self.tokens = PatchEmbedding(c.patch_size, 1, c.width, c.strides)
        self.class_token = nn.Parameter(torch.zeros(1, 1, c.width))
        self.distillation_token = nn.Parameter(torch.zeros(1, 1, c.width))
        self.positions = Positions("learned", self.grid, c.width, prefix=PREFIX, std=c.position_std)
        self.encoder = Encoder(c.transformer())
        epsilon = c.epsilon if c.head_epsilon is None else c.head_epsilon
        self.head_norm = nn.LayerNorm(c.width, epsilon) if c.classes else nn.Identity()
        self.head = nn.Linear(c.width, c.classes) if c.classes else nn.Identity()
        if isinstance(self.head, nn.Linear):
            nn.init.zeros_(self.head.bias)

    @classmethod
    def from_vit(cls, vit: ViT, config: ASTConfig) -> Self:
        """An AST that starts from a vision transformer's weights (Gong et al., 2021, section 2.2).

        Patch weights are summed over the channels, and stretched where P differs. Positions are cut where the grid is
        smaller and interpolated where it is larger. Both tokens start as the class token. The head is fresh.

        Args:
            vit: with patches, a class token and learned positions; width, layers, heads and mlp as in ``config``.
            config: of the new model.

        Raises:
            ValueError: a ViT of another kind or size.
        """
        v = vit.config
        if (v.tokens, v.positions, v.pool) != ("patches", "learned", "class"):
            raise ValueError(
                f"an AST starts from a ViT with patches, learned positions and a class token; this one has "
                f"tokens={v.tokens!r}, positions={v.positions!r}, pool={v.pool!r}."
            )
        for name in ("width", "layers", "heads", "mlp"):
            if getattr(v, name) != getattr(config, name):
                raise ValueError(
                    f"the ViT has {name} {getattr(v, name)}, the AST {getattr(config, name)}; make them equal."
                )
        weight = vit.tokens.project.weight
        model = cls(config).to(weight.device, weight.dtype)
        kernel = linear_to_convolution(weight.detach(), v.patch_size, v.channels).sum(1, keepdim=True)
        if v.patch_size != config.patch_size:
            size, share = (config.patch_size, config.patch_size), (v.patch_size / config.patch_size) ** 2
            kernel = F.interpolate(kernel, size, mode="bilinear", align_corners=False) * share
        state = vit.state_dict()
        table = state["positions.table"]
        with torch.no_grad():
            model.tokens.project.weight.copy_(convolution_to_linear(kernel))
            model.tokens.project.bias.copy_(state["tokens.project.bias"])
            model.class_token.copy_(state["class_token"])
            model.distillation_token.copy_(state["class_token"])
            model.positions.table.copy_(move_positions(torch.cat([table[:1], table]), vit.grid, model.grid))
        model.encoder.load_state_dict(vit.encoder.state_dict())
        return model

    @property
    def grid(self) -> tuple[int, int]:
        """Rows (frequency) and columns (time) of patches of a spectrogram of the configured size."""
        return self.tokens.grid(self.config.log_mel.bands, self.config.frames)

    def embed(self, spectrogram: Tensor) -> Tensor:
        """Z_0 with both tokens in front and positions added: (B, F, M) -> (B, 2 + N, D).

        Spectrograms of another length than the configured one are read too, see :func:`move_positions`.
        """
        check_spectrogram(spectrogram, self.config.log_mel.bands, self.tokens.project.weight)
        picture = spectrogram.transpose(1, 2)[:, None]  # frequency down, time to the right
        x = self.tokens(picture)
        first = [token.expand(len(x), -1, -1) for token in (self.class_token, self.distillation_token)]
        grid = self.tokens.grid(*picture.shape[-2:])
        return torch.cat([*first, x], dim=1) + move_positions(self.positions.table, self.grid, grid)

    def features(self, spectrogram: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """Z_L, every token after the last norm: (B, F, M) -> (B, 2 + N, D); class and distillation token come first."""
        return self.encoder(self.embed(spectrogram), maps=maps)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Classify sounds.

        Args:
            spectrogram: (B, F, M), normalised, as :meth:`preprocess` makes it.

        Returns:
            Logits (B, classes), read from the mean of the class and the distillation token.
        """
        first = self.encoder(self.embed(spectrogram), wanted=PREFIX)
        return self.head(self.head_norm(first.mean(1)))

    def preprocess(self, sounds: Any, sample_rate: int | None = None) -> Tensor:
        """Any sounds as this model reads them: resampled, placed, log-mel, normalised.

        Args:
            sounds: samples in [-1, 1] of one channel: (T,), a batch (B, T), or a list of sounds of any lengths.
            sample_rate: of the samples, in Hz; None for the model's own.

        Returns:
            (B, F, M).

        Raises:
            TypeError, ValueError: no samples, NaN, whole numbers, more than one channel; one line says what.
        """
        c = self.config
        whole_rate = c.log_mel.sample_rate
        rate = whole_rate if sample_rate is None else sample_rate
        whole("sample_rate", rate)
        made = []
        for sound in _waveforms(sounds):
            sound = sound.to(self.log_mel.window.device)
            if c.placing == "start":  # what lies behind the last frame is never read
                length = c.log_mel.window_size + c.frames * c.log_mel.hop
                sound = sound[: -(-length * rate // whole_rate) + rate // 10]
            if rate != whole_rate:
                sound = torchaudio.functional.resample(sound, rate, whole_rate)
            made.append(self._placed(sound.to(self.log_mel.window.dtype)))
        return torch.stack(made).to(self.tokens.project.weight)

    def _placed(self, sound: Tensor) -> Tensor:
        """The log-mel spectrogram (F, M) of one sound (T,)."""
        c, count = self.config, self.config.frames
        if c.placing == "start":
            sound = sound[: c.log_mel.window_size + (count - 1) * c.log_mel.hop]
            mel = self._mel(sound) if self.log_mel.frames(len(sound)) > 0 else sound.new_zeros(0, c.log_mel.bands)
            # Published: the padding is 0 before the normalisation, which is a loud sound. Models have learned so.
            padding = (0.0 - c.log_mel.mean) / (2 * c.log_mel.deviation)
            level = self.log_mel.level(mel)[:count] if len(mel) else mel
            return F.pad(level, (0, 0, 0, count - len(level)), value=padding)
        around = -(-(c.log_mel.window_size + count * c.log_mel.hop) // 2)  # so that any moment can be the middle
        mel = self._mel(F.pad(sound, (around, around)))
        weight = torch.hann_window(count + 2, False, device=mel.device)[1:-1]  # highest where the middle is loudest
        loud = F.conv1d(mel.mean(-1)[None, None], weight[None, None].to(mel)).flatten()
        start = int(loud.argmax()) if float(loud.amax()) > 0 else (len(mel) - count) // 2
        return self.log_mel.level(mel[start : start + count])

    def _mel(self, sound: Tensor) -> Tensor:
        """Band powers (F, M) of a sound of any length, in bounded memory."""
        if len(sound) <= PIECE:
            return self.log_mel.mel(sound)
        return torch.cat(list(self.log_mel.stream(sound.split(PIECE))))

    @torch.no_grad()
    def predict(self, sounds: Any, sample_rate: int | None = None) -> Tensor:
        """Probabilities of the classes, (B, classes), for whatever sounds :meth:`preprocess` takes."""
        return self(self.preprocess(sounds, sample_rate)).softmax(-1)

    @torch.no_grad()
    def attention_maps(self, spectrogram: Tensor) -> Tensor:
        """Attention weights of every layer and head, (L, B, H, 2 + N, 2 + N); each row sums to 1.

        Token 2 + r · columns + c is the patch of row r (low frequencies first) and column c; see :attr:`grid`.
        """
        tensor("spectrogram", spectrogram, 3, floating=True)
        if not spectrogram.isfinite().all():
            raise ValueError("the spectrogram holds NaN or infinite numbers; make it with this model's preprocess().")
        maps = AttentionMaps()
        self.features(spectrogram, maps)
        return torch.stack(maps.self_attention)

    def adapted(self, *, classes: int | None = None, frames: int | None = None) -> AST:
        """A copy with a fresh head for other classes, or for sounds of another length, of the same type and device.

        Args:
            classes: number of classes; None keeps the head.
            frames: F; None keeps it. The published models for other data sets start so from AudioSet's.
        """
        c = self.config
        changed = dataclasses.replace(
            c, classes=c.classes if classes is None else classes, frames=c.frames if frames is None else frames
        )
        weight = self.tokens.project.weight
        other = AST(changed).to(weight.device, weight.dtype)
        state = {k: v for k, v in self.state_dict().items() if classes is None or not k.startswith("head")}
        state["positions.table"] = move_positions(state["positions.table"], self.grid, other.grid)
        other.load_state_dict(state, strict=False)
        return other.train(self.training)


def move_positions(table: Tensor, from_grid: tuple[int, int], to_grid: tuple[int, int]) -> Tensor:
    """Learned positions on another grid: the middle is cut out where it is smaller, stretched where it is larger.

    Bilinear, first in time, then in frequency, as the original code does (``ast_models.py``).

    Args:
        table: (2 + rows columns, D); the first two rows belong to no patch and stay.
        from_grid: rows and columns that the table was made for.
        to_grid: rows and columns that are wanted.

    Returns:
        (2 + rows columns of the new grid, D).
    """
    if from_grid == to_grid:
        return table
    picture = table[PREFIX:].unflatten(0, from_grid).permute(2, 0, 1)[None]  # (1, D, rows, columns)
    for axis in (3, 2):
        has, wanted = picture.shape[axis], to_grid[axis - 2]
        if wanted <= has:
            picture = picture.narrow(axis, has // 2 - wanted // 2, wanted)
        else:
            size = (picture.shape[2], wanted) if axis == 3 else (wanted, picture.shape[3])
            picture = F.interpolate(picture, size, mode="bilinear", align_corners=False)
    return torch.cat([table[:PREFIX], picture[0].permute(1, 2, 0).flatten(0, 1)])


def check_spectrogram(spectrogram: Tensor, bands: int, weight: Tensor) -> None:
    """Refuse, in one line, what is no batch of spectrograms (B, F, M). Looks at no value, so that models trace.

    Raises:
        TypeError: no tensor, whole numbers, or another type than the model's.
        ValueError: wrong dimensions or bands, an empty batch.
    """
    tensor("spectrogram", spectrogram, floating=True)
    if spectrogram.dim() != 3 or spectrogram.shape[-1] != bands or 0 in spectrogram.shape:
        raise ValueError(
            f"the spectrogram has shape {tuple(spectrogram.shape)}; this model reads (B, F, {bands}), which its "
            f"preprocess() makes of waveforms."
        )
    if spectrogram.dtype != weight.dtype and not torch.is_autocast_enabled(spectrogram.device.type):
        raise TypeError(f"the spectrogram is {spectrogram.dtype}, the model is {weight.dtype}; make them the same.")


def _waveforms(sounds: Any) -> list[Tensor]:
    """One or several sounds as a list of (T,), checked."""
    if isinstance(sounds, list | tuple) and sounds and not isinstance(sounds[0], int | float):
        return [one for sound in sounds for one in _waveforms(sound)]
    sound = numbers("sounds", sounds) if not isinstance(sounds, Tensor) else sounds
    given = f"sounds have shape {tuple(sound.shape)}"
    if sound.dim() not in (1, 2) or (sound.dim() == 2 and sound.shape[1] <= 8 < sound.shape[0]):
        raise ValueError(f"{given}; give one channel, (T,) or (B, T): the mean over the channels makes it of stereo.")
    if 0 in sound.shape:
        raise ValueError(f"{given}, which holds no sample; give at least one.")
    if not sound.is_floating_point():
        raise TypeError(f"samples are {sound.dtype}; give floats in [-1, 1], for 16 bits samples / 32768.")
    if not sound.isfinite().all():
        raise ValueError("sounds hold NaN or infinite samples; look at the file or at the step that made them.")
    if float(sound.abs().max()) > 8:
        raise ValueError(f"samples reach {float(sound.abs().max()):.4g}; give floats in [-1, 1], for 16 bits / 32768.")
    return list(sound if sound.dim() == 2 else sound[None])
