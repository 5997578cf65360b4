"""Answers as mail programs of twelve languages send them, each with what its writer wrote.

Made of words of our own in the forms of the programs: who answers in which language with which
program, where the answer stands, and how it is signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAYA: Final = "Maya Tremblay <support@vircom.example>"


@dataclass(frozen=True)
class Language:
    """Words of one language: an answer of two sentences, the two questions answered, and what mail
    programs write around them."""

    code: str
    answer: tuple[str, str]
    questions: tuple[str, str]
    steps: tuple[str, str, str]
    gmail: str
    other: str
    """As Apple Mail or Thunderbird introduce what they quote."""
    fields: tuple[str, str, str, str]
    original: str
    phone: str
    closing: str
    name: str


@dataclass(frozen=True)
class Pair:
    """A mail's text, and its parts as they should be told apart."""

    name: str
    text: str
    visible: str
    signature: str


LANGUAGES: Final = (
    Language(
        "en", ("The restart helped.", "The second gateway still shows the old version."),
        ("Did the restart help?", "Which version does the gateway show?"),
        ("1. Open the console", "2. Press Restart", "3. Wait a minute"),
        f"On Mon, Nov 30, 2026 at 9:12 AM {MAYA} wrote:",
        "On 30 Nov 2026, at 09:12, Maya Tremblay <support@vircom.example> wrote:",
        ("From", "Sent", "To", "Subject"), "-----Original Message-----",
        "Sent from my iPhone", "Kind regards,", "Eve Example",
    ),
    Language(
        "de", ("Der Neustart hat geholfen.", "Das zweite Gateway zeigt noch die alte Version."),
        ("Hat der Neustart geholfen?", "Welche Version zeigt das Gateway?"),
        ("1. Konsole öffnen", "2. Neustart drücken", "3. Eine Minute warten"),
        f"Am Mo., 30. Nov. 2026 um 09:12 Uhr schrieb {MAYA}:",
        "Am 30.11.2026 um 09:12 schrieb Maya Tremblay:",
        ("Von", "Gesendet", "An", "Betreff"), "-----Ursprüngliche Nachricht-----",
        "Von meinem iPhone gesendet", "Mit freundlichen Grüßen", "Jörg Beispiel",
    ),
    Language(
        "fr", ("Le redémarrage a aidé.", "La seconde passerelle montre encore l'ancienne version."),
        ("Le redémarrage a-t-il aidé ?", "Quelle version montre la passerelle ?"),
        ("1. Ouvrir la console", "2. Appuyer sur Redémarrer", "3. Attendre une minute"),
        f"Le lun. 30 nov. 2026 à 09:12, {MAYA} a écrit :",
        "Le 30/11/2026 à 09:12, Maya Tremblay a écrit :",
        ("De", "Envoyé", "À", "Objet"), "-----Message d'origine-----",
        "Envoyé de mon iPhone", "Cordialement,", "Ève Exemple",
    ),
    Language(
        "es", ("El reinicio ayudó.", "La segunda pasarela muestra todavía la versión antigua."),
        ("¿Ayudó el reinicio?", "¿Qué versión muestra la pasarela?"),
        ("1. Abrir la consola", "2. Pulsar Reiniciar", "3. Esperar un minuto"),
        f"El lun, 30 nov 2026 a las 9:12, {MAYA} escribió:",
        "El 30/11/26 a las 9:12, Maya Tremblay escribió:",
        ("De", "Enviado el", "Para", "Asunto"), "-----Mensaje original-----",
        "Enviado desde mi iPhone", "Saludos cordiales,", "Eva Ejemplo",
    ),
    Language(
        "it", ("Il riavvio ha aiutato.", "Il secondo gateway mostra ancora la vecchia versione."),
        ("Il riavvio ha aiutato?", "Quale versione mostra il gateway?"),
        ("1. Aprire la console", "2. Premere Riavvia", "3. Attendere un minuto"),
        f"Il giorno lun 30 nov 2026 alle ore 09:12 {MAYA} ha scritto:",
        "Il 30/11/2026 09:12, Maya Tremblay ha scritto:",
        ("Da", "Inviato", "A", "Oggetto"), "-----Messaggio originale-----",
        "Inviato da iPhone", "Cordiali saluti", "Eva Esempio",
    ),
    Language(
        "pt", ("O reinício ajudou.", "O segundo gateway mostra ainda a versão antiga."),
        ("O reinício ajudou?", "Que versão mostra o gateway?"),
        ("1. Abrir a consola", "2. Premir Reiniciar", "3. Esperar um minuto"),
        f"Em seg., 30 de nov. de 2026 às 09:12, {MAYA} escreveu:",
        "Às 09:12 de 30/11/2026, Maya Tremblay escreveu:",
        ("De", "Enviada em", "Para", "Assunto"), "-----Mensagem original-----",
        "Enviado do meu iPhone", "Atenciosamente,", "Eva Exemplo",
    ),
    Language(
        "nl", ("De herstart heeft geholpen.", "De tweede gateway toont nog de oude versie."),
        ("Heeft de herstart geholpen?", "Welke versie toont de gateway?"),
        ("1. Console openen", "2. Op Herstarten drukken", "3. Een minuut wachten"),
        f"Op ma 30 nov 2026 om 09:12 schreef {MAYA}:",
        "Op 30-11-2026 om 09:12 schreef Maya Tremblay:",
        ("Van", "Verzonden", "Aan", "Onderwerp"), "-----Oorspronkelijk bericht-----",
        "Verstuurd vanaf mijn iPhone", "Met vriendelijke groet,", "Eva Voorbeeld",
    ),
    Language(
        "sv", ("Omstarten hjälpte.", "Den andra gatewayen visar ännu den gamla versionen."),
        ("Hjälpte omstarten?", "Vilken version visar gatewayen?"),
        ("1. Öppna konsolen", "2. Tryck på Starta om", "3. Vänta en minut"),
        f"Den mån 30 nov. 2026 kl 09:12 skrev {MAYA}:",
        "30 nov. 2026 kl. 09:12 skrev Maya Tremblay <support@vircom.example>:",
        ("Från", "Skickat", "Till", "Ämne"), "-----Ursprungligt meddelande-----",
        "Skickat från min iPhone", "Med vänliga hälsningar", "Eva Exempel",
    ),
    Language(
        "pl", ("Ponowne uruchomienie pomogło.", "Druga brama pokazuje jeszcze starą wersję."),
        ("Czy ponowne uruchomienie pomogło?", "Jaką wersję pokazuje brama?"),
        ("1. Otworzyć konsolę", "2. Nacisnąć Uruchom", "3. Poczekać minutę"),
        f"pon., 30 lis 2026 o 09:12 {MAYA} napisał(a):",
        "W dniu 30.11.2026 o 09:12, Maya Tremblay pisze:",
        ("Od", "Wysłano", "Do", "Temat"), "-----Wiadomość oryginalna-----",
        "Wysłano z iPhone'a", "Pozdrawiam", "Ewa Przykład",
    ),
    Language(
        "ru", ("Перезапуск помог.", "Второй шлюз ещё показывает старую версию."),
        ("Помог ли перезапуск?", "Какую версию показывает шлюз?"),
        ("1. Открыть консоль", "2. Нажать «Перезапуск»", "3. Подождать минуту"),
        f"пн, 30 нояб. 2026 г. в 09:12, {MAYA}:",
        "30.11.2026 09:12, Maya Tremblay пишет:",
        ("От", "Отправлено", "Кому", "Тема"), "-----Исходное сообщение-----",
        "Отправлено с iPhone", "С уважением,", "Ева Примерова",
    ),
    Language(
        "ja", ("再起動で直りました。", "二台目のゲートウェイはまだ古いバージョンです。"),
        ("再起動で直りましたか。", "ゲートウェイのバージョンは何ですか。"),
        ("1. コンソールを開く", "2. 再起動を押す", "3. 一分待つ"),
        f"2026年11月30日(月) 9:12 {MAYA}:",
        "2026/11/30 9:12、Maya Tremblay <support@vircom.example>のメール:",
        ("差出人", "送信日時", "宛先", "件名"), "-----元のメッセージ-----",
        "iPhoneから送信", "よろしくお願いいたします。", "例 えば",
    ),
    Language(
        "zh", ("重启后好了。", "第二个网关仍显示旧版本。"),
        ("重启后好了吗？", "网关显示什么版本？"),
        ("1. 打开控制台", "2. 按重启", "3. 等一分钟"),
        f"{MAYA} 于2026年11月30日周一 09:12写道：",
        "在 2026年11月30日，09:12，Maya Tremblay <support@vircom.example> 写道：",
        ("发件人", "发送时间", "收件人", "主题"), "-----原始邮件-----",
        "发自我的iPhone", "此致", "李例",
    ),
)  # fmt: skip


def _marked(lines: tuple[str, ...]) -> str:
    return "\n".join(f"> {line}" for line in lines)


def _fields(each: Language) -> str:
    sender, sent, to, subject = each.fields
    return (
        f"{sender}: {MAYA}\n{sent}: 30.11.2026 09:12\n{to}: {each.name} <eve@customer.example>\n"
        f"{subject}: RE: [VIR-10001] Gateway"
    )


def pairs() -> Iterator[Pair]:
    """Every form in every language."""
    for each in LANGUAGES:
        for name, text, visible, signature in _forms(each):
            yield Pair(f"{each.code}-{name}", text, visible, signature)


def _forms(each: Language) -> Iterator[tuple[str, str, str, str]]:
    answer, asked = "\n".join(each.answer), "\n\n".join(each.questions)
    quoted = _marked(each.questions)
    signed = f"{each.closing}\n{each.name}"
    yield "above", f"{answer}\n\n{each.gmail}\n\n{quoted}\n", answer, ""
    yield "unmarked", f"{answer}\n\n{each.gmail}\n\n{asked}\n", answer, ""
    folded = each.gmail.replace(" <", "\n<", 1)
    yield "folded", f"{answer}\n\n{folded}\n\n{quoted}\n", answer, ""
    yield "below", f"{each.other}\n{quoted}\n\n{answer}\n", answer, ""
    one, two = each.answer
    between = f"{each.other}\n> {each.questions[0]}\n\n{one}\n\n> {each.questions[1]}\n\n{two}\n"
    yield "between", between, f"{one}\n\n{two}", ""
    block = _fields(each)
    yield "outlook", f"{answer}\n\n{signed}\n\n{block}\n\n{asked}\n", answer, signed
    ruled = f"{answer}\n\n{'_' * 32}\n{block}\n\n{asked}\n"
    yield "outlook-ruled", ruled, answer, ""
    yield "original", f"{answer}\n\n{each.original}\n{block}\n\n{asked}\n", answer, ""
    bold = "\n".join(f"*{line.replace(': ', ':* ', 1)}" for line in block.split("\n"))
    yield "outlook-bold", f"{answer}\n\n{bold}\n\n{asked}\n", answer, ""
    yield "phone", f"{answer}\n\n{each.phone}\n\n{each.other}\n\n{quoted}\n", answer, each.phone
    mark = f"{each.name}\nCustomer Ltd, +1 555 0101"
    yield "signature", f"{answer}\n\n-- \n{mark}\n\n{each.gmail}\n{quoted}\n", answer, mark
    yield "closing", f"{answer}\n\n{signed}\n", answer, signed
    steps = f"{one}\n\n" + "\n".join(each.steps) + f"\n\n{two}"
    yield "steps", f"{steps}\n\n{each.gmail}\n\n{quoted}\n", steps, ""
