"""CLIP beside open_clip and transformers: the same weights and pairs, a forward and a step of training, in turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import open_clip
import torch
from record import record, row, side_by_side
from torch import Tensor, nn

from mmcourse import machine
from mmcourse.models import CLIP, CLIPConfig
from mmcourse.pretrained import to_openai, to_transformers
from mmcourse.training import contrastive_loss

PAIRS = 8  # in a batch
THEIRS = {"clip-vit-b/32": "ViT-B-32", "clip-rn50": "RN50"}
TURNS = {"clip-vit-b/32": 7, "clip-rn50": 5}


def models(preset: str) -> dict[str, nn.Module]:
    """Ours, and with the same weights those of others, as fast as each is where it comes from."""
    ours = CLIP(CLIPConfig.preset(preset))
    openclip = open_clip.model.CLIP(**open_clip.get_model_config(THEIRS[preset]), quick_gelu=True)
    openclip.load_state_dict(to_openai(ours))
    found = {"ours": ours, "open-clip-torch": openclip}
    if not ours.config.resnet_layers:
        theirs = to_transformers(ours)[0]
        assert theirs.config._attn_implementation == "sdpa", "the fastest that it has on this machine"
        found["transformers"] = theirs
    return found


def logits(name: str, model: Any, images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors of both, and the scale, of normalised pictures."""
    if name == "transformers":
        found = model(input_ids=ids, pixel_values=images)
        return found.image_embeds, found.text_embeds, model.logit_scale.exp()
    return model(images, ids)[:3]


def main() -> None:
    torch.manual_seed(0)
    rows = []
    for preset in THEIRS:
        found = models(preset)
        config = found["ours"].config
        images, ids = torch.rand(PAIRS, 3, *config.size), torch.randint(1, 49000, (PAIRS, config.text_context))
        ids[:, -1] = config.vocab_size - 1
        found["ours"].normalise = nn.Identity()  # theirs is a step of their data's
        calls: dict[str, list[Callable[[], Any]]] = {"forward": [], "step of training": []}
        for name, model in found.items():
            optimizer = torch.optim.AdamW(model.parameters(), lr=1e-9)

            def forward(name: str = name, model: nn.Module = model) -> tuple[Tensor, ...]:
                with torch.no_grad():
                    return logits(name, model.eval(), images, ids)  # noqa: B023

            def step(name: str = name, model: nn.Module = model, optimizer: Any = optimizer) -> None:
                optimizer.zero_grad()
                contrastive_loss(*logits(name, model.train(), images, ids)).backward()  # noqa: B023
                optimizer.step()

            calls["forward"].append(forward)
            calls["step of training"].append(step)
        for other in calls["forward"][1:]:
            pairs = zip(calls["forward"][0](), other(), strict=True)
            assert all(torch.allclose(a, b, atol=1e-4) for a, b in pairs), "another model"
        for what, each in calls.items():
            for threads in sorted({1, machine.cores()}):
                torch.set_num_threads(threads)
                seconds = side_by_side(*each, repeats=TURNS[preset])
                for library, other in zip(list(found)[1:], seconds[1:], strict=True):
                    rows.append(row(f"{preset}, {PAIRS} pairs, {what}", seconds[0], other, library))
    record("clip", rows)


if __name__ == "__main__":
    main()
