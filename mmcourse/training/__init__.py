"""One loop for every model of the book, with its objectives and metrics."""

from mmcourse.training.gather import gather_with_gradients
from mmcourse.training.loop import History, Interrupted, Settings, fit
from mmcourse.training.metrics import (
    Mean,
    Measured,
    Score,
    accuracy,
    bits_per_dimension,
    device_of,
    evaluate_classification,
    linear_probe,
    psnr,
)
from mmcourse.training.objectives import (
    Classification,
    Contrastive,
    NextColour,
    NextToken,
    Objective,
    Reconstruction,
    contrastive_loss,
    next_token_loss,
    sigmoid_loss,
)

__all__ = [
    "Classification",
    "Contrastive",
    "History",
    "Interrupted",
    "Mean",
    "Measured",
    "NextColour",
    "NextToken",
    "Objective",
    "Reconstruction",
    "Score",
    "Settings",
    "accuracy",
    "bits_per_dimension",
    "contrastive_loss",
    "device_of",
    "evaluate_classification",
    "fit",
    "gather_with_gradients",
    "linear_probe",
    "next_token_loss",
    "psnr",
    "sigmoid_loss",
]
