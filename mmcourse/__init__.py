"""One transformer, many modalities: the models of the lecture "Multimodal Learning", written to be read."""

__version__ = "0.1.0"
