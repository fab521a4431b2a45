"""Labelled purposes for the measure: texts that tell of a person, and texts that do not.

Made by a seed, each kind in equal parts, and independently of what looks for them: check digits
are reckoned here again. All numbers and addresses are made up.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SEED = 2_611
EACH = 100  # samples of a kind
LONGEST = 140

Make = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with its label, and of which kind it is."""

    kind: str
    text: str
    personal: bool


def samples(seed: int = SEED, each: int = EACH) -> list[Sample]:
    """The same seed gives the same texts on every machine."""
    chance = random.Random(seed)
    return [
        Sample(make.__name__, make(chance)[:LONGEST], personal)
        for makers, personal in ((PERSONAL, True), (HARMLESS, False))
        for make in makers
        for _ in range(each)
    ]


def digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789", k=count))


def blocks(text: str, sizes: Sequence[int], gap: str) -> str:
    """Cut into blocks of these sizes; the last size goes on."""
    cut, at = [], 0
    for size in [*sizes, *[sizes[-1]] * len(text)]:
        if at < len(text):
            cut.append(text[at : at + size])
        at += size
    return gap.join(cut)


def around(chance: random.Random, what: str) -> str:
    return chance.choice(AROUND).format(what)


AROUND = (
    "{}", "Erstattung an {}", "Grundsteuer B, {}", "{} Hundesteuer 2026", "Rückfragen: {}.",
    "Az. 32.1-4711/2026 ({})", "Kita-Beitrag 11/2026; {}", "Gebühr 2026 {}, 4. Quartal",
    "Refund to {} please", "Сплата {}", "Bescheid vom 20.10.2026: {}", "siehe {}!",
)  # fmt: skip

# --- Texts that tell of a person ----------------------------------------------------------------

# country and form of the BBAN: n digits, a capitals, c both (SWIFT, IBAN registry)
BBANS = (
    ("DE", "n18"), ("DE", "n18"), ("AT", "n16"), ("CH", "n5c12"), ("LI", "n5c12"), ("NL", "a4n10"),
    ("FR", "n10c11n2"), ("GB", "a4n14"), ("PL", "n24"), ("NO", "n11"), ("TR", "n6c16"),
    ("UA", "n6c19"), ("BE", "n12"), ("ES", "n20"), ("IT", "a1n10c12"), ("DK", "n14"),
    ("CZ", "n20"), ("LU", "n3c13"), ("MT", "a4n5c18"), ("SE", "n20"), ("RO", "a4c16"),
    ("LT", "n16"), ("IE", "a4n14"), ("HU", "n24"),
)  # fmt: skip
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIGNS = {"n": "0123456789", "a": LETTERS, "c": "0123456789" * 3 + LETTERS}


def iban(chance: random.Random) -> str:
    country, form = chance.choice(BBANS)
    parts = form.replace("n", " n").replace("a", " a").replace("c", " c").split()
    bban = "".join("".join(chance.choices(SIGNS[p[0]], k=int(p[1:]))) for p in parts)
    number = int("".join(str(int(sign, 36)) for sign in f"{bban}{country}00"))
    return f"{country}{98 - number % 97:02d}{bban}"


def iban_in_one(chance: random.Random) -> str:
    return around(chance, iban(chance))


def iban_in_blocks(chance: random.Random) -> str:
    return around(chance, "IBAN " + blocks(iban(chance), (4,), chance.choice(" \u00a0\u2009-")))


def iban_in_odd_blocks(chance: random.Random) -> str:
    written = blocks(iban(chance), chance.choice(((2, 2, 8, 10), (4, 8, 10), (5,), (3,))), " ")
    return around(chance, chance.choice((written, written.lower(), f"IBAN:{written}")))


def iban_with_unseen(chance: random.Random) -> str:
    unseen = chance.choice(("\u200b", "\u2060", "\u00ad", "\ufeff", " \u200b"))
    return around(chance, blocks(iban(chance), (4,), unseen))


LOCALS = (
    "erika.muster", "e.muster+stadt", "m_m", "a", "info", "jürgen.groß", '"erika muster"',
    "o'neill", "muster-erika", "x1234567", "олена", "fatma.yıldız", "user%tag", "a.b.c.d",
)  # fmt: skip
DOMAINS = (
    "example.org", "mail.example.co.uk", "müller-beispiel.de", "xn--mller-kva.example", "ex-1.info",
    "приклад.укр", "a.io", "post.example.museum", "EXAMPLE.COM", "t-online.example",
)  # fmt: skip


def email(chance: random.Random) -> str:
    return around(chance, f"{chance.choice(LOCALS)}@{chance.choice(DOMAINS)}")


def email_odd(chance: random.Random) -> str:
    name, domain = chance.choice(LOCALS), chance.choice(DOMAINS)
    return around(
        chance,
        chance.choice((
            f"{name} @ {domain}", f"{name}(at){domain}", f"{name} [at] {domain}",
            f"{name}＠{domain}", f"mailto:{name}@{domain}", f"<{name}@{domain}>",
            f"{name}\u200b@\u200b{domain}", f"{name}@[192.0.2.{chance.randint(1, 254)}]",
            f"E-Mail:{name}@{domain},", f"{name}{{at}}{domain.replace('.', '(dot)')}",
        )),
    )  # fmt: skip


# prefixes, length, blocks as they are printed
CARDS = (
    (("4",), 16, (4,)), (("4",), 16, (4,)), (("4",), 13, (4, 3, 3, 3)), (("4",), 19, (4,)),
    (("51", "52", "53", "54", "55", "2221", "2500", "2720"), 16, (4,)),
    (("34", "37"), 15, (4, 6, 5)), (("300", "305", "36", "38"), 14, (4, 6, 4)),
    (("6011", "65", "644"), 16, (4,)), (("3528", "3589"), 16, (4,)), (("62",), 16, (4,)),
    (("6759", "5018", "6304", "6763"), 16, (4,)), (("6759", "6763"), 18, (4,)),
)  # fmt: skip


def luhn(body: str) -> str:
    """``body`` and its check digit."""
    total = 0
    for place, sign in enumerate(reversed(body)):
        twice = int(sign) * (2 if place % 2 == 0 else 1)
        total += twice - 9 if twice > 9 else twice
    return f"{body}{-total % 10}"


def card(chance: random.Random) -> tuple[str, Sequence[int]]:
    prefixes, length, sizes = chance.choice(CARDS)
    prefix = chance.choice(prefixes)
    return luhn(prefix + digits(chance, length - 1 - len(prefix))), sizes


def card_in_one(chance: random.Random) -> str:
    return around(chance, card(chance)[0])


def card_in_blocks(chance: random.Random) -> str:
    return around(chance, blocks(*card(chance), chance.choice((" ", "-", "\u00a0", "–"))))


def card_with_its_end(chance: random.Random) -> str:
    return around(chance, f"Karte {blocks(*card(chance), ' ')} {chance.randint(1, 12):02d}/28")


def card_in_odd_blocks(chance: random.Random) -> str:
    return around(
        chance, blocks(card(chance)[0], chance.choice(((8, 8), (5,), (6, 13), (2,))), " ")
    )


def national(chance: random.Random) -> str:
    """Area code without its nought, and the number, as people write it."""
    area = chance.choice(("30", "89", "171", "1520", "176", "3641", "5121", "33203"))
    number = digits(chance, chance.randint(5, 8))
    gap = chance.choice((" ", "/", "-", " / ", "", ") "))
    rest = blocks(number, (2,), " ") if chance.random() < 0.3 else number
    return f"{'(' if gap == ') ' else ''}{area}{gap}{rest}"


def phone_plus(chance: random.Random) -> str:
    country = chance.choice(
        ("+49", "+49", "+49 ", "+49 (0)", "+43 ", "+48 ", "+380 ", "+90-", "+1 ")
    )
    return around(chance, country + national(chance).lstrip("("))


def phone_0049(chance: random.Random) -> str:
    return around(
        chance,
        chance.choice(("0049", "0049 ", "0049 (0) ", "0049/")) + national(chance).lstrip("("),
    )


def phone_marked(chance: random.Random) -> str:
    mark = chance.choice((
        "Tel. ", "Tel.: ", "Tel ", "TEL:", "Telefon: ", "Telefon ", "Tel.-Nr. ", "Telefonnummer: ",
        "Mobil ", "Mobil: ", "Mobilnr. ", "Fax ", "Telefax: ", "Handy ", "Handynr.: ", "Tel./Fax ",
        "Telefon (privat): ", "☎ ", "phone: ", "тел. ", "tlf. ",
    ))  # fmt: skip
    told = national(chance)
    return around(chance, mark + (f"(0{told[1:]}" if told.startswith("(") else f"0{told}"))


def phone_local(chance: random.Random) -> str:
    number = chance.choice("123456789") + digits(chance, chance.randint(4, 6))
    return around(chance, chance.choice(("Tel. ", "Telefon: ", "Fax: ", "Tel.: ")) + number)


PERSONAL: Sequence[Make] = (
    iban_in_one, iban_in_blocks, iban_in_odd_blocks, iban_with_unseen, email, email_odd,
    card_in_one, card_in_blocks, card_with_its_end, card_in_odd_blocks,
    phone_plus, phone_0049, phone_marked, phone_local,
)  # fmt: skip

# --- Texts that do not --------------------------------------------------------------------------


def kassenzeichen(chance: random.Random) -> str:
    d = digits
    return chance.choice((
        f"5.{d(chance, 4)}.{d(chance, 6)}.{d(chance, 1)}",
        f"Kassenzeichen {d(chance, 10)}",
        f"Kassenzeichen {d(chance, 13)}",
        f"KZ {d(chance, 4)} {d(chance, 4)} {d(chance, 4)}",
        f"Buchungszeichen {d(chance, 2)}.{d(chance, 5)}.{d(chance, 3)}-{d(chance, 1)}",
        f"Kassenz. 00{d(chance, 8)}, Grundsteuer B",
        f"Personenkonto {d(chance, 6)}-{d(chance, 4)}-{d(chance, 2)}",
        f"Vertragsgegenstand 01/{d(chance, 7)}",
    ))  # fmt: skip


def long_sign(chance: random.Random) -> str:
    """Long numbers with any first digit, in the blocks that offices use."""
    d = digits
    return "Bescheid " + chance.choice((
        d(chance, 16), d(chance, 14), d(chance, 12), d(chance, 18),
        f"{d(chance, 4)}-2026-{d(chance, 6)}-{d(chance, 2)}",
        f"{d(chance, 2)}.{d(chance, 4)}.{d(chance, 8)}.{d(chance, 2)}",
        f"2026{d(chance, 12)}", f"{d(chance, 5)}/{d(chance, 5)}/{d(chance, 6)}",
    ))  # fmt: skip


def file_number(chance: random.Random) -> str:
    n = chance.randint
    return chance.choice((
        f"Az. 32.1-{n(1, 9999)}/2026", f"Az. {n(10, 99)}.{n(1, 9)}-{n(100, 99999)}/20{n(19, 26)}",
        f"Aktenzeichen {n(1, 19)} K {n(1, 4999)}/{n(19, 26)}", f"Az.: 61-BG-2026-{n(1, 99999):05d}",
        f"Geschäftszeichen II/{n(10, 99)} - {n(100, 999)}.{n(10, 99)} - {n(1000, 9999)}",
        f"Bescheid Nr. 2026-{n(1, 999999):06d} vom {n(1, 28):02d}.{n(1, 12):02d}.2026",
        f"Az. 00{n(10, 99)}/{n(19, 26)}, Ordnungswidrigkeit",
        f"Az. 505.{n(10, 99)}.{n(100000, 999999)}.{n(1, 9)} (Bußgeld)",
        f"Vorgang {n(2019, 2026)}/{n(1, 99)}/{n(1, 9999):04d}",
        f"Steuernummer {n(100, 999)}/{n(1000, 9999)}/{n(1000, 9999)}",
    ))  # fmt: skip


def plot(chance: random.Random) -> str:
    n = chance.randint
    return chance.choice((
        f"Grundsteuer B 2026, Objekt {n(100, 999)}-{n(10, 99)}",
        f"Flur {n(1, 30)}, Flurstück {n(1, 999)}/{n(1, 99)}, Gemarkung Moos, {n(200, 9000)} m²",
        f"Zähler {n(10**7, 10**8)}, Stand {n(100, 9999)} m³",
        f"Einheitswert-Az. {n(10, 99)}/{n(100, 999)}/{n(1000, 9999)}/{n(100, 999)}/{n(1, 9)}",
        f"Wasserzähler 00{n(10**6, 10**7)}, Ablesung {n(1, 28)}.{n(1, 12)}.2026",
        f"Grab {n(1, 40)}-{n(1, 99)}-{n(1, 9)}, Feld {n(1, 9)}, bis 20{n(30, 56)}",
        f"Messbetrag {n(10, 300)},{n(10, 99)} x Hebesatz {n(300, 600)} %",
    ))  # fmt: skip


def day(chance: random.Random) -> str:
    n = chance.randint
    a, b, c = f"{n(1, 28):02d}.{n(1, 12):02d}.2026", n(1, 12), n(10, 23)
    return chance.choice((
        f"Abfallgebühren 01.01.2026 - 31.12.2026, fällig {a}",
        f"Kita {b:02d}/2026 bis {b:02d}/2027",
        f"Parken {a}, {c}:{n(10, 59)} Uhr", f"Zeitraum 2026-{b:02d}-01 bis 2026-{b:02d}-28",
        f"Monate 01 02 03 04 05 06 07 08 09 2026, fällig {a}", f"Schuljahr 2026/27, Rate {b}",
        f"Jahre 2022 2023 2024 2025 2026, Bescheid vom {a}",
        f"Raten 15.02.+15.05.+15.08.2026, {c} EUR",
    ))  # fmt: skip


def amount(chance: random.Random) -> str:
    euros, cents = f"{chance.randint(1, 9999):,}".replace(",", "."), f"{chance.randint(0, 99):02d}"
    return chance.choice((
        f"Rest {euros},{cents} EUR + Säumniszuschlag {euros},00 EUR", f"+{euros}.000,{cents} EUR",
        f"Gewerbesteuer {euros},{cents} € zuzüglich 19 % USt", f"2 x {euros},{cents}; 3 @ 4,50",
        f"Mehrbetrag +1.{chance.randint(100, 999)}.000,00 € Vorauszahlung",
        f"{euros} kWh + Grundpreis",
    ))  # fmt: skip


def plate(chance: random.Random) -> str:
    number = f"MU-{''.join(chance.choices(LETTERS, k=2))} {chance.randint(1, 9999)}"
    return chance.choice((
        f"Verwarnungsgeld, {number}, Parken ohne Parkschein",
        f"Halteverbot {number} 21.11.2026 14:05",
        f"Handy am Steuer, {number}, Az. 505.12.{digits(chance, 6)}.3",
        f"Bußgeld, Handy, 21.11.2026, 14:05 Uhr, {number}",
    ))  # fmt: skip


def street(chance: random.Random) -> str:
    n = chance.randint(1, 199)
    return chance.choice((
        f"Straßenreinigung Bürgermeister-Löffelholz-Straße {n}a", f"Tel-Aviv-Straße {n}, 2026",
        f"Sondernutzung Straße des 17. Juni {n}, 10623 Berlin", f"Platz der 7 Brunnen {n}/{n + 2}",
        f"Telgter Weg {n}, 48167 Münster, Objekt {digits(chance, 6)}", f"Faxenweg {n}, 2. OG links",
        f"Hotel am Markt {n}, Kurbeitrag 2026", f"An der B 49 km {n}, Ausfahrt {n + 1}",
    ))  # fmt: skip


def near_words(chance: random.Random) -> str:
    """Words of telephone and post that name nobody."""
    n = chance.randint
    return chance.choice((
        f"Telefonkosten {n(1, 12):02d}/2026, Nebenstelle {n(10, 99)}",
        f"Telefon 2026, {n(1, 12)} Monate",
        f"Faxgebühren {n(1, 99)} Seiten", f"Mobilheim-Stellplatz {n(1, 200)}, Saison 2026",
        f"Handyparken {n(1000, 9999)}",
        f"Yoga @ home, Kurs {n(1000, 9999)}",
        f"Mittel {n(10000, 99999)}",
        f"VHS-Kurs {n(100, 999)}-{n(10, 99)} „Café @ night“", f"Mobile Bühne {n(1, 9)} Tage, 2026",
        f"Kartei {n(1000, 9999)}, Kartell {n(10, 99)}/2026",
        f"Telefon 01.{n(1, 9):02d}.2026 - 31.12.2026",
    ))  # fmt: skip


def chance_luhn(chance: random.Random) -> str:
    """Passes Luhn, but no issuer's number begins so."""
    number = luhn(chance.choice("0179") + digits(chance, chance.randint(11, 17)))
    return "Rechnung " + chance.choice(
        (number, blocks(number, (4,), " "), blocks(number, (4,), "-"))
    )


def other_numbers(chance: random.Random) -> str:
    n = chance.randint
    return chance.choice((
        f"USt-IdNr. DE{n(10**8, 10**9 - 1)}", "Gläubiger-ID DE98ZZZ09999999999",
        f"RF{n(10, 99)} {n(1000, 9999)} {n(1000, 9999)} {n(1000, 9999)}",
        f"ISBN 978-3-{n(10000, 99999)}-123-4",
        f"HRB {n(1000, 99999)} Musterhausen",
        f"Kundennr. {n(10**9, 10**10)}",
        f"EAN {n(4 * 10**12, 5 * 10**12)}",
        f"Vorgang NO {n(1000, 9999)} {n(1000, 9999)}",
        f"AT-Nr. {n(10, 99)} {n(100, 999)} Bescheide",
        f"Dokument {n(16**7, 16**8):x}-{n(4096, 65535):x}-4{n(256, 4095):x}",
    ))  # fmt: skip


def long_purpose(chance: random.Random) -> str:
    return chance.choice((
        "Sondernutzungsgebühr für Tische und Stühle auf dem Gehweg vor dem Gebäude Marktplatz "
        f"{chance.randint(1, 9)}, 1. April bis 31. Oktober",
        "Schmutz- und Niederschlagswassergebühren 2026, Vorauszahlung "
        f"{chance.randint(1, 4)}. Quartal, Grundstück {digits(chance, 6)}",
        "Bußgeld einschließlich Gebühr und Auslagen, Verstoß gegen die Straßenverkehrs-Ordnung, "
        f"§ 24 StVG, § 4 Abs. 3 Nr. {chance.randint(1, 9)} BKatV",
        "Плата за дитячий садок, листопад 2026, Kindertagesstätte Am Bach, "
        f"Kind {chance.randint(1, 3)} von 3",
        "Opłata za wywóz odpadów 2026, pojemnik 120 l, co dwa tygodnie, "
        f"rata {chance.randint(1, 4)}/4",
    ))  # fmt: skip


HARMLESS: Sequence[Make] = (
    kassenzeichen, long_sign, file_number, plot, day, amount, plate, street, near_words,
    chance_luhn, other_numbers, long_purpose,
)  # fmt: skip
