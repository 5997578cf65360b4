"""Words by which mail programs of many languages mark what they quote, forward and sign.

Compiled patterns over single lines; all bounded, so any line costs time by its length only.
"""

import re
from typing import Final

FIELD_NAMES: Final = {
    "from": (
        "from", "von", "de", "da", "van", "från", "fra", "lähettäjä", "od", "от", "отправитель",
        "від", "gönderen", "kimden", "odesílatel", "feladó", "差出人", "送信者", "发件人", "寄件者",
        "寄件人", "보낸 사람", "보낸사람", "expéditeur", "mittente", "remetente", "afzender",
    ),
    "sent": (
        "sent", "date", "gesendet", "datum", "envoyé", "envoyé le", "inviato", "data", "enviado",
        "enviado el", "enviado em", "enviada em", "fecha", "verzonden", "skickat", "sendt", "dato",
        "lähetetty", "päivämäärä", "päiväys", "wysłano", "отправлено", "дата", "дата отправки",
        "надіслано", "gönderildi", "gönderme tarihi", "tarih", "odesláno",
        "送信日時", "日時", "日付",
        "发送时间", "发送日期", "日期", "时间", "傳送時間", "寄件日期", "보낸 날짜", "날짜",
        "보낸시간",
        "elküldve", "dátum",
    ),
    "to": (
        "to", "an", "à", "a", "para", "aan", "till", "til", "vastaanottaja", "do", "кому", "kime",
        "alıcı", "komu", "宛先", "收件人", "收件者", "받는 사람", "받는사람", "destinataire",
        "címzett", "destinatario", "destinatário",
    ),
    "subject": (
        "subject", "betreff", "objet", "oggetto", "asunto", "assunto", "onderwerp", "ämne", "emne",
        "aihe", "temat", "тема", "konu", "předmět", "tárgy", "件名", "主题", "主旨", "標題", "제목",
    ),
    "cc": (
        "cc", "kopie", "copie", "kopia", "kopi", "kopio", "копия", "bilgi", "抄送", "副本", "참조",
    ),
    "reply_to": ("reply-to", "antwort an", "répondre à", "responder a"),
}  # fmt: skip
"""Names of the fields that programs write above a mail that they quote, by what they mean."""

_MEANING: Final = {word: meaning for meaning, words in FIELD_NAMES.items() for word in words}
_FIELD: Final = re.compile(
    r"^[>\s]{0,20}[*_]{0,2}([^\W\d_][\w .-]{0,24}?)\s{0,2}[*_]{0,2}\s?[:：][*_]{0,2}(.*)"
)


def field_of(line: str) -> tuple[str, str] | None:
    """What the field in the line means (`from`, `sent`, …) and its value, or None."""
    found = _FIELD.match(line[:1_000])
    meaning = _MEANING.get(found[1].strip().lower()) if found else None
    if found is None or meaning is None:
        return None
    return meaning, found[2].strip()


_WROTE: Final = (
    "wrote", "writes", "schrieb", "a écrit", "écrit", "ha scritto", "scritto", "escribió",
    "escreveu", "schreef", "skrev", "kirjoitti", "napisał", "napisała", "napisał(a)", "pisze",
    "пишет", "писал", "написал", "написала", "написал(а)", "пише", "napsal", "napsal(a)", "írta",
    "yazdı", "geschreven", "a scris", "έγραψε",
)  # fmt: skip
_WROTE_UNSPACED: Final = ("写道", "寫道", "作成", "작성", "のメール", "書きました")
WROTE: Final = re.compile(
    r"(?:(?:^|[\s>)\],、，:])(?:"
    + "|".join(map(re.escape, sorted(_WROTE, key=len, reverse=True)))
    + ")|(?:"
    + "|".join(_WROTE_UNSPACED)
    + r"))(?=$|[\s:：,(])",
    re.IGNORECASE,
)

_ORIGINAL: Final = (
    "original message", "original appointment", "ursprüngliche nachricht", "originalnachricht",
    "message d'origine", "message original", "messaggio originale", "mensaje original",
    "mensagem original", "oorspronkelijk bericht", "ursprungligt meddelande", "originalmeddelande",
    "opprinnelig melding", "oprindelig meddelelse", "original besked", "alkuperäinen viesti",
    "wiadomość oryginalna", "oryginalna wiadomość", "исходное сообщение",
    "первоначальное сообщение",
    "оригінальне повідомлення", "původní zpráva", "původní e-mail", "eredeti üzenet",
    "orijinal mesaj",
    "özgün ileti", "元のメッセージ", "原始邮件", "原始郵件", "原始訊息", "원본 메시지", "원본 메일",
    "reply message", "antwort nachricht",
)  # fmt: skip
_FORWARDED: Final = (
    "forwarded message", "forwarded by", "weitergeleitete nachricht", "weitergeleitete message",
    "message transféré", "début du message transféré", "message réexpédié", "messaggio inoltrato",
    "inizio messaggio inoltrato", "mensaje reenviado", "inicio del mensaje reenviado",
    "mensagem encaminhada", "mensagem reencaminhada", "início da mensagem reencaminhada",
    "doorgestuurd bericht", "begin doorgestuurd bericht", "vidarebefordrat meddelande",
    "vidarebefordrat brev", "videresendt melding", "videresendt besked", "videresendt meddelelse",
    "välitetty viesti", "edelleenlähetetty viesti", "przekazana wiadomość", "wiadomość przekazana",
    "пересылаемое сообщение", "пересланное сообщение", "начало переадресованного сообщения",
    "переслане повідомлення", "přeposlaná zpráva", "továbbított üzenet", "iletilen mesaj",
    "iletilmiş ileti", "yönlendirilen ileti", "転送されたメッセージ", "転送メッセージ",
    "转发的邮件",
    "转发邮件", "轉寄郵件", "已轉寄的郵件", "전달된 메시지", "전달된 메일",
    "begin forwarded message",
    "anfang der weitergeleiteten nachricht", "anfang der weitergeleiteten e-mail",
    "vidarebefordrat meddelande börjar", "videresendt besked begynder", "下面是被转发的邮件",
)  # fmt: skip


def _ruled(words: tuple[str, ...]) -> re.Pattern[str]:
    every = "|".join(re.escape(each) for each in sorted(words, key=len, reverse=True))
    return re.compile(
        rf"^[>\s]{{0,20}}(?:[-_=*]{{2,60}}\s*(?:{every})\s*(?:(?:from|by|von)\b.{{0,100}})?[:：]?"
        rf"\s*(?:[-_=*]{{2,60}})?|(?:{every})\s*[:：])\s*$",
        re.IGNORECASE,
    )


ORIGINAL_MESSAGE: Final = _ruled(_ORIGINAL)
FORWARDED_MESSAGE: Final = _ruled(_FORWARDED)
MAY_MARK: Final = re.compile(r"[:：]|--|__|==|\*\*")
"""A line without these is no mark of a program and no field."""
RULE: Final = re.compile(r"^[>\s]{0,20}[_\-=*]{5,200}\s*$")

_MOBILE: Final = (
    r"sent from my\b", r"sent from (?:mail|outlook|yahoo|proton|aol|samsung|the)\b", r"sent via\b",
    r"sent with\b", r"get outlook for\b", r"von meinem\b.{1,60}\bgesendet",
    r"gesendet (?:von|mit|über|aus)\b",
    r"diese nachricht wurde von meinem\b.{1,80}", r"envoyé (?:de|depuis|à partir d)\b",
    r"télécharger outlook",
    r"inviato (?:da|dal)\b", r"scarica outlook", r"enviado (?:desde|do|de|a partir)\b",
    r"obtener outlook", r"obter o outlook", r"verzonden (?:vanaf|met|vanuit|via)\b",
    r"verstuurd vanaf\b",
    r"skickat från\b", r"skickades från\b", r"hämta outlook", r"sendt fra\b", r"hent outlook",
    r"lähetetty\b.{0,40}(?:iphone|puhelimesta|laitteesta|androidista|sta|stä)", r"hanki outlook",
    r"wysłane? (?:z|za pomocą)\b", r"wysłano z\b", r"pobierz program outlook",
    r"отправлено (?:с|из)\b",
    r"надіслано з\b", r"odesláno z\b", r"získat outlook", r".{1,40}\b(?:'?den|'?dan) gönderildi",
    r"iphone['’]?\w*\s+gönderildi", r"outlook.{0,40} edinin",
    r"(?:iphone|ipad|android|outlook|samsung|galaxy)\S{0,10}から送信",
    r".{0,30}から送信(?:されました)?",
    r"(?:发|發)自我?的?", r"從我的", r"从我的", r"나의 .{1,20}에서 보냄", r"내 .{1,20}에서 보냄",
    r".{1,20}에서 보냄",
)  # fmt: skip
MOBILE_SIGNATURE: Final = re.compile(
    r"^[\s*_\[<]{0,5}(?:" + "|".join(_MOBILE) + r").{0,36}$", re.IGNORECASE
)

_CLOSINGS: Final = (
    "best regards", "kind regards", "warm regards", "regards", "best wishes", "sincerely", "best",
    "yours sincerely", "yours faithfully", "with kind regards", "many regards", "cheers",
    "mit freundlichen grüßen", "mit freundlichen grüssen", "freundliche grüße",
    "freundliche grüsse",
    "viele grüße", "beste grüße", "liebe grüße", "schöne grüße", "mfg", "vg", "lg", "gruß", "grüße",
    "cordialement", "bien cordialement", "bien à vous", "salutations", "meilleures salutations",
    "sincères salutations", "cordiali saluti", "distinti saluti", "saluti", "un saluto", "a presto",
    "saludos", "un saludo", "saludos cordiales", "atentamente", "cordialmente", "atenciosamente",
    "cumprimentos", "com os melhores cumprimentos", "melhores cumprimentos", "abraços", "att",
    "met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "groeten", "groet",
    "mvg", "med vänliga hälsningar", "vänliga hälsningar", "med vänlig hälsning", "hälsningar",
    "mvh",
    "med venlig hilsen", "venlig hilsen", "med vennlig hilsen", "vennlig hilsen", "hilsen",
    "ystävällisin terveisin", "terveisin", "parhain terveisin", "t.", "pozdrawiam", "z poważaniem",
    "serdecznie pozdrawiam", "с уважением", "с наилучшими пожеланиями", "з повагою", "s pozdravem",
    "üdvözlettel", "saygılarımla", "iyi çalışmalar", "selamlar", "よろしくお願いします",
    "よろしくお願いいたします", "宜しくお願い致します", "敬具", "此致", "祝好", "顺祝商祺",
    "谢谢合作",
    "此致敬礼", "감사합니다", "안녕히 계세요", "드림",
)  # fmt: skip
CLOSING: Final = re.compile(
    r"^\s{0,10}(?:(?:many )?thanks (?:and|&) )?(?:"
    + "|".join(re.escape(each) for each in sorted(_CLOSINGS, key=len, reverse=True))
    + r")\s*[,.!。、，！]{0,2}\s*$",
    re.IGNORECASE,
)
