"""Words by which automatic answers and absence notes begin, in the languages of mail programs.

Alone they prove nothing: people write "Out of office hours the portal is down" (``machine``).
"""

import re
from typing import Final

# Each is the beginning of a subject, in lower case.
_BEGINNINGS: Final = (
    # English
    "automatic reply", "auto reply", "auto-reply", "autoreply", "automatic response",
    "auto response", "auto-response", "autoresponse", "out of office", "out of the office",
    "away from the office", "away from my mail", "on vacation", "on leave", "absence notice",
    # German
    "automatische antwort", "abwesenheitsnotiz", "abwesenheitsmeldung",
    "abwesenheitsbenachrichtigung", "abwesenheitsassistent", "abwesend", "abwesenheit",
    "autom. antwort", "nicht im büro",
    # French
    "réponse automatique", "reponse automatique", "absence du bureau", "message d'absence",
    "notification d'absence", "absent du bureau", "en congé", "absent(e)",
    # Italian
    "risposta automatica", "fuori sede", "fuori ufficio", "assente", "assenza dall'ufficio",
    # Spanish and Catalan
    "respuesta automática", "respuesta automatica", "fuera de la oficina", "fuera de oficina",
    "ausente", "mensaje de ausencia", "resposta automàtica",
    # Portuguese
    "resposta automática", "resposta automatica", "fora do escritório", "ausência do escritório",
    "ausência temporária",
    # Dutch
    "automatisch antwoord", "automatische beantwoording", "afwezigheid", "niet aanwezig",
    "afwezigheidsmelding", "afwezigheidsbericht",
    # Danish, Norwegian, Swedish
    "autosvar", "automatisk svar", "automatiskt svar", "ikke til stede", "fravær", "fraværsmelding",
    "frånvaro", "frånvarande", "ej på kontoret",
    # Finnish
    "automaattinen vastaus", "poissa toimistosta", "poissaoloviesti", "poissaoloilmoitus",
    # Polish
    "automatyczna odpowiedź", "odpowiedź automatyczna", "autoodpowiedź", "poza biurem",
    "nieobecność", "nieobecny",
    # Czech, Slovak, Hungarian, Romanian
    "automatická odpověď", "mimo kancelář", "automatická odpoveď", "automatikus válasz",
    "házon kívül", "răspuns automat",
    # Russian, Ukrainian
    "автоответ", "автоматический ответ", "вне офиса", "нет на месте", "отсутствую",
    "автоматична відповідь", "автовідповідь",
    # Greek
    "αυτόματη απάντηση", "εκτός γραφείου",
    # Turkish
    "otomatik yanıt", "otomatik cevap", "ofis dışında", "ofis dışındayım",
    # Japanese
    "自動返信", "自動応答", "不在通知", "不在のお知らせ", "不在連絡", "休暇中",
    # Chinese
    "自动答复", "自动回复", "自動回覆", "自動回應", "外出通知", "不在办公室", "休假通知",
    # Korean
    "자동 회신", "자동회신", "자동 응답", "자동응답", "부재중", "부재 중",
    # Hebrew, Arabic
    "תשובה אוטומטית", "מענה אוטומטי", "رد تلقائي",
)  # fmt: skip
_WORDS: Final = re.compile(
    r"^\s*[\[(【<]?\s*(?:" + "|".join(map(re.escape, _BEGINNINGS)) + r")",
    re.IGNORECASE,
)


def says_absence(subject: str) -> bool:
    """The subject begins like an automatic answer's."""
    return _WORDS.match(subject) is not None
