"""Mails that say thank you and nothing else, in the languages of our customers."""

import re
from typing import Final

# Phrases, longest first in the pattern; all in lower case. What they say: thanks, praise of it,
# a greeting, a close. "It works" is no thanks: an agent may want to hear it.
_THANKS: Final = (
    # English, German, French
    "thank you", "thanks", "thank u", "thx", "ty", "many thanks", "cheers", "much appreciated",
    "danke", "dankeschön", "danke schön", "danke sehr", "vielen dank",
    "herzlichen dank", "besten dank",
    "merci", "merci beaucoup", "merci bien", "mille mercis", "un grand merci",
    # Italian, Spanish, Portuguese
    "grazie", "grazie mille", "tante grazie", "molte grazie", "gracias", "muchas gracias",
    "mil gracias", "obrigado", "obrigada", "muito obrigado", "muito obrigada",
    # Dutch, Swedish, Danish, Norwegian, Finnish
    "bedankt", "dank je", "dank u", "dank je wel", "dank u wel", "hartelijk dank",
    "hartelijk bedankt",
    "tack", "tack så mycket", "stort tack", "tak", "mange tak", "takk", "tusen takk", "mange takk",
    "kiitos", "kiitoksia", "paljon kiitoksia", "kiitos paljon",
    # Polish, Czech, Russian, Ukrainian, Turkish
    "dziękuję", "dzięki", "dziękuję bardzo", "bardzo dziękuję", "děkuji", "díky", "děkuji moc",
    "спасибо", "большое спасибо", "спасибо большое", "благодарю", "дякую", "щиро дякую",
    "teşekkürler", "teşekkür ederim", "çok teşekkürler", "sağ olun",
    # Japanese, Chinese, Korean
    "ありがとうございます", "ありがとうございました", "ありがとう", "どうもありがとうございます",
    "どうもありがとうございました", "谢谢", "謝謝", "非常感谢", "多谢", "感谢",
    "감사합니다", "고맙습니다", "대단히 감사합니다",
)  # fmt: skip
_AROUND: Final = (
    "very much", "so much", "a lot", "again", "indeed", "for your help", "for the help",
    "for your quick help", "for the quick reply", "for your support", "great", "perfect", "super",
    "ok", "okay", "nochmals", "sehr", "für die hilfe", "für ihre hilfe", "für die schnelle hilfe",
    "prima", "beaucoup", "encore", "pour votre aide", "parfait", "mille", "per l'aiuto",
    "perfetto", "por su ayuda", "por la ayuda", "perfecto", "pela ajuda", "perfeito",
    "voor de hulp", "voor uw hulp", "för hjälpen", "for hjælpen", "for hjelpen", "avusta",
    "za pomoc", "bardzo", "за помощь", "за допомогу", "yardımınız için", "非常", "您的帮助", "정말",
    "hi", "hello", "hey", "dear", "team", "support", "all", "hallo", "guten tag", "liebes team",
    "bonjour", "ciao", "buongiorno", "hola", "olá", "hej", "hei", "cześć", "dzień dobry",
    "здравствуйте", "добрый день", "merhaba", "你好", "안녕하세요",
    "regards", "best", "kind regards", "best regards", "cheers", "gruß", "grüße", "viele grüße",
    "mit freundlichen grüßen", "mfg", "cordialement", "bien à vous", "saluti", "cordiali saluti",
    "saludos", "un saludo", "cumprimentos", "groet", "groeten", "met vriendelijke groet",
    "hälsningar", "mvh", "hilsen", "terveisin", "pozdrawiam", "с уважением", "saygılarımla",
)  # fmt: skip


def _phrases(*lists: tuple[str, ...]) -> str:
    every = sorted({each for group in lists for each in group}, key=len, reverse=True)
    return "|".join(re.escape(each).replace(r"\ ", r"\s+") for each in every)


_LONGEST: Final = 400
"""Characters: who says more says something."""
_NOT_WORDS: Final = re.compile(r"[^\w\s'’]+|_+")
_WORD: Final = re.compile(rf"(?:{_phrases(_THANKS, _AROUND)})(?!\w)\s*")
_THANK: Final = re.compile(rf"(?<!\w)(?:{_phrases(_THANKS)})(?!\w)")
_GREETED: Final = re.compile(
    r"^\s*(?:hi|hello|hey|dear|hallo|liebe[rs]?|bonjour|ciao|hola|olá|hej|hei|cześć|beste|caro|cara)"
    r"\s+\w+(?:\s+\w+)?\s*[,!.\n]",
    re.IGNORECASE,
)


def is_thanks(text: str, sender_name: str | None = None) -> bool:
    """The visible text of a mail is thanks, with a greeting and a close perhaps, and no more."""
    if not text.strip() or len(text) > _LONGEST or "?" in text or "？" in text:
        return False
    rest = _GREETED.sub(" ", text, count=1).lower()
    names = {each.lower() for each in (sender_name or "").replace(",", " ").split()}
    lines = [each for each in rest.splitlines() if not names.issuperset(_words(each))]
    rest = " ".join(_NOT_WORDS.sub(" ", " ".join(lines)).split()).replace("’", "'")
    if not _THANK.search(rest):
        return False
    position = 0
    while position < len(rest):
        word = _WORD.match(rest, position)
        if word is None:
            break
        position = word.end()
    return all(each in names for each in rest[position:].split())


def _words(line: str) -> list[str]:
    return _NOT_WORDS.sub(" ", line).split()
