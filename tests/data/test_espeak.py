"""Speech that is made here: as long and as loud as speech, other voices sound other, wrong words are one line."""

import pytest
import torch

from mmcourse.data.espeak import RATE, say, variants


def test_words_take_time_and_are_heard():
    one, three = say("one"), say("one two three")
    assert 0.2 < len(one) / RATE < 1.5
    assert len(three) > 1.8 * len(one)
    assert 0.1 < float(three.abs().max()) <= 1
    assert len(say("one two three", words_per_minute=300)) < 0.8 * len(three)


def test_voices_and_languages_differ():
    assert len(variants()) > 50
    voices = ["en-us", "en-us+f3", "pt-br", "fr"]
    sounds = [say("seven", voice) for voice in voices]
    spectra = [torch.fft.rfft(sound, 32768).abs().unflatten(0, (-1, 1))[:4096, 0] for sound in sounds]
    for i in range(4):
        for j in range(i):
            assert torch.cosine_similarity(spectra[i], spectra[j], dim=0) < 0.9, (voices[i], voices[j])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"text": "  "}, "at least one word"),
        ({"text": "one", "voice": "zz"}, "no voice 'zz'"),
        ({"text": "one", "voice": "en-us+f33"}, "did you mean 'f3'"),
        ({"text": "one", "pitch": 100}, "pitch=100; choose 0 to 99"),
    ],
)
def test_what_cannot_be_said_is_one_line(arguments, says):
    with pytest.raises(ValueError, match=says) as caught:
        say(**arguments)
    assert "\n" not in str(caught.value)
