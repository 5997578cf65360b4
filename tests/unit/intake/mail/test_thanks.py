"""Thanks, and nothing else, in the languages of customers."""

import pytest

from intake.mail.thanks import is_thanks


@pytest.mark.parametrize(
    "text",
    [
        "Thank you!", "Thanks, Eve", "thx",
        "Hi Maya,\n\nThanks a lot!\n\nBest regards\nEve Example",
        "Vielen Dank für die schnelle Hilfe!\n\nViele Grüße", "Merci beaucoup !", "Grazie mille 🙂",
        "Muchas gracias", "Muito obrigada!", "Hartelijk dank", "Tack så mycket", "Mange tak",
        "Tusen takk!", "Kiitos paljon", "Dziękuję bardzo.", "Большое спасибо!", "Дякую",
        "Teşekkür ederim", "ありがとうございました。", "谢谢！", "감사합니다",
    ],
)  # fmt: skip
def test_thanks_alone(text: str) -> None:
    assert is_thanks(text, "Eve Example")


@pytest.mark.parametrize(
    "text",
    [
        "", "Ok", "Perfect", "Thanks, but it still fails", "Thanks. Any news?", "Thank you?",
        "Thank you for nothing", "No thanks", "Danke, es geht nicht", "Merci, mais rien ne marche",
        "ありがとうございます。まだ動きません。", "谢谢，还是不行", "Thanks, Bob", "Thanks " * 100,
        "It works now, thank you",
    ],
)  # fmt: skip
def test_who_says_more_is_heard(text: str) -> None:
    assert not is_thanks(text, "Eve Example")
