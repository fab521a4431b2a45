"""The tables of the export for the auditor: each with its query and what its columns mean.

German, as its readers are. Amounts are cents in the database and decimals in the files; a query
names its currency beside each amount.
"""

from dataclasses import dataclass

from portal.proof.queries import after_colon


@dataclass(frozen=True, slots=True)
class Table:
    """A file: its name, what one of its lines is, its columns in order, and its query.

    ``amounts`` are columns of cents, in the currency of the column ``waehrung``.
    """

    name: str
    line: str
    columns: tuple[tuple[str, str], ...]
    sql: str
    amounts: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """How the file is called."""
        return f"{self.name}.csv"


def _items(kind: str, german: str, account: str, cause: str, request: str) -> str:
    return f"""
    SELECT '{german}' AS art, i.id AS nummer, i.reference AS name, {account} AS anbieterkonto,
        {cause} AS ursache, {request} AS zahlungsaufforderung,
        (i.opened_at AT TIME ZONE :zone)::date AS entstanden_am, i.amount_cents AS betrag,
        (i.open_cents - coalesce(m.since_start, 0))::bigint AS offen_zu_beginn,
        (i.open_cents - coalesce(m.since_end, 0))::bigint AS offen_am_ende, i.currency AS waehrung
    FROM {kind}_items i LEFT JOIN (
        SELECT item_id, sum(cents) AS since_start,
            sum(cents) FILTER (WHERE booked_on > :last) AS since_end,
            bool_or(booked_on <= :last) AS moved
        FROM {kind}_moves WHERE tenant_id = :tenant AND booked_on >= :first GROUP BY item_id
    ) m ON m.item_id = i.id
    WHERE i.tenant_id = :tenant
        AND (m.moved OR i.open_cents - coalesce(m.since_start, 0) <> 0)"""  # noqa: S608


def _moves(kind: str, german: str) -> str:
    return f"""
    SELECT '{german}' AS art, m.item_id AS nummer, m.id AS bewegung, m.booked_on AS buchungstag,
        m.at AS zeitpunkt, m.reason AS grund, m.cents::bigint AS betrag, i.currency AS waehrung
    FROM {kind}_moves m JOIN {kind}_items i ON (i.tenant_id, i.id) = (m.tenant_id, m.item_id)
    WHERE m.tenant_id = :tenant AND m.booked_on BETWEEN :first AND :last"""  # noqa: S608


ENTRIES = """
    FROM ledger_entries e JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
    WHERE e.tenant_id = :tenant"""
CURRENCY = ("waehrung", "Währung (ISO 4217)")
# fmt: off
TABLES: tuple[Table, ...] = (
    Table("buchungen", "eine Zeile eines Buchungssatzes",
        (("buchung", "Nummer des Buchungssatzes"),
         ("beleg", "Name des Geschäftsvorfalls; jeder wird nur einmal gebucht"),
         ("vorgang", "was gebucht wurde (siehe docs/kasse/buchungen.md)"),
         ("buchungstag", "Geschäftstag der Stadt"),
         ("gebucht_um", "Zeitpunkt der Buchung (UTC)"),
         ("zeile", "Zeile im Buchungssatz"),
         ("konto", "Konto: Art, nach dem Doppelpunkt Anbieterkonto oder Forderungsart"),
         ("anbieter_oder_art", "das, was im Konto nach dem Doppelpunkt steht"),
         ("betrag", "Soll positiv, Haben negativ; die Summe je Buchungssatz ist null"), CURRENCY),
        f"""SELECT e.id AS buchung, e.reference AS beleg, e.reason AS vorgang,
            e.booked_on AS buchungstag, e.booked_at AS gebucht_um, p.line AS zeile,
            p.account AS konto,
            CASE WHEN p.account LIKE '%:%' THEN {after_colon("p.account")} ELSE '' END
                AS anbieter_oder_art,
            p.cents AS betrag, p.currency AS waehrung
        {ENTRIES} AND e.booked_on BETWEEN :first AND :last ORDER BY e.id, p.line""",
        frozenset({"betrag"})),
    Table("salden", "ein Konto in einer Währung",
        (("konto", "Konto wie in buchungen.csv"),
         ("vortrag", "Saldo am Ende des Vorjahres"),
         ("soll", "Summe der Sollbeträge des Jahres"),
         ("haben", "Summe der Habenbeträge des Jahres, negativ"),
         ("saldo", "Saldo am Ende des Jahres: Vortrag + Soll + Haben"), CURRENCY),
        f"""SELECT p.account AS konto,
            coalesce(sum(p.cents) FILTER (WHERE e.booked_on < :first), 0)::bigint AS vortrag,
            coalesce(sum(p.cents) FILTER (WHERE e.booked_on >= :first AND p.cents > 0), 0)::bigint
                AS soll,
            coalesce(sum(p.cents) FILTER (WHERE e.booked_on >= :first AND p.cents < 0), 0)::bigint
                AS haben,
            sum(p.cents)::bigint AS saldo, p.currency AS waehrung
        {ENTRIES} AND e.booked_on <= :last GROUP BY p.account, p.currency
        ORDER BY p.account, p.currency""",
        frozenset({"vortrag", "soll", "haben", "saldo"})),
    Table("posten", "ein Schwebe- oder Verwahrposten, der im Jahr offen war",
        (("art", "Schwebeposten (Geld beim Anbieter) oder Verwahrung (Geld noch ohne Platz)"),
         ("nummer", "Nummer, je Art eindeutig"),
         ("name", "woraus er entstand: Zahlung, Erstattung, Rückbelastung, Meldung"),
         ("anbieterkonto", "über welches Anbieterkonto das Geld kam"),
         ("ursache", "nur Verwahrung: surplus = Überzahlung, unclear = ungeklärt"),
         ("zahlungsaufforderung", "nur Verwahrung: Belegnummer der Forderung, falls bekannt"),
         ("entstanden_am", "Tag der Entstehung"),
         ("betrag", "Betrag bei Entstehung, mit Erhöhungen"),
         ("offen_zu_beginn", "offen am Ende des Vorjahres"),
         ("offen_am_ende", "offen am Ende des Jahres"), CURRENCY),
        _items("suspense", "Schwebeposten", "i.account", "''", "''") + " UNION ALL "
        + _items("custody", "Verwahrung", "coalesce(i.account, '')", "i.cause",
                 "coalesce(i.request_reference, '')") + " ORDER BY art, nummer",
        frozenset({"betrag", "offen_zu_beginn", "offen_am_ende"})),
    Table("postenbewegungen", "eine Bewegung eines Postens im Jahr",
        (("art", "wie in posten.csv"), ("nummer", "Nummer des Postens"),
         ("bewegung", "Nummer der Bewegung"), ("buchungstag", "Geschäftstag der Stadt"),
         ("zeitpunkt", "Zeitpunkt (UTC)"),
         ("grund", "opened = entstanden, settled = abgerechnet, reversed = zurückgenommen, "
                   "assigned = zugeordnet, returned = zurückgesandt, closed_by_order und "
                   "kept_by_order = auf Anordnung, taken_back = umgekehrt, unsettled = Abrechnung "
                   "zurückgenommen"),
         ("betrag", "um wie viel der offene Betrag stieg oder (negativ) sank"), CURRENCY),
        _moves("suspense", "Schwebeposten") + " UNION ALL " + _moves("custody", "Verwahrung")
        + " ORDER BY art, bewegung",
        frozenset({"betrag"})),
    Table("protokoll", "ein Eintrag des Protokolls",
        (("eintrag", "Nummer des Eintrags"), ("zeitpunkt", "Zeitpunkt (UTC)"),
         ("wer", "staff: = Beschäftigte, client: = Finanzverfahren, worker = Portal, "
                 "operator = Betreiber, citizen = Bürgerin oder Bürger (ohne Person)"),
         ("was", "Handlung"), ("gegenstand", "woran"),
         ("einzelheiten", "weitere Angaben als JSON"),
         ("glied", "Platz in der Kette; leer: noch nicht verkettet"),
         ("vorige_pruefsumme", "SHA-256 des vorigen Glieds (hexadezimal)"),
         ("pruefsumme", "SHA-256 über die vorige Prüfsumme und diesen Eintrag (hexadezimal)")),
        """SELECT a.id AS eintrag, a.at AS zeitpunkt, a.actor AS wer, a.act AS was,
            a.subject AS gegenstand, a.detail::text AS einzelheiten, c.seq AS glied,
            encode(c.previous, 'hex') AS vorige_pruefsumme, encode(c.hash, 'hex') AS pruefsumme
        FROM audit a LEFT JOIN audit_chain c ON (c.tenant_id, c.audit_id) = (a.tenant_id, a.id)
        WHERE a.tenant_id = :tenant AND a.at >= :begin AND a.at < :end ORDER BY a.at, a.id"""),
    Table("tagesabstimmungen", "ein abgeschlossener Geschäftstag des Jahres",
        (("tag", "Geschäftstag"), ("abgeschlossen_um", "Zeitpunkt (UTC)"),
         ("durch", "wer abgeschlossen oder den Abschluss beantragt hat"),
         ("zweite_person", "wer zugestimmt hat; nur bei einer Differenz nötig"),
         ("geht_auf", "ja: alle Gleichungen gingen auf"),
         ("grund", "Grund des Abschlusses mit Differenz"),
         ("geklaert", "was sich zur Differenz ergab, mit Zeitpunkt und Person"),
         ("kette_glied", "wo die Protokollkette endete: Glied"),
         ("kette_pruefsumme", "und dessen Prüfsumme")),
        """SELECT c.day AS tag, c.closed_at AS abgeschlossen_um, c.closed_by AS durch,
            coalesce(c.second, '') AS zweite_person, c.holds AS geht_auf, c.reason AS grund,
            coalesce((SELECT string_agg(
                to_char(x.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ' ' || x.by
                    || ' ' || x.text, ' | ' ORDER BY x.id)
                FROM day_explanations x WHERE (x.tenant_id, x.day) = (c.tenant_id, c.day)), '')
                AS geklaert,
            c.head_seq AS kette_glied, encode(c.head_hash, 'hex') AS kette_pruefsumme
        FROM day_closings c WHERE c.tenant_id = :tenant AND c.day BETWEEN :first AND :last
        ORDER BY c.day"""),
    Table("tagesabstimmung_zahlen", "eine Zahl einer abgeschlossenen Tagesabstimmung",
        (("tag", "Geschäftstag"), ("gleichung", "Nummer der Gleichung"),
         ("seite", "Seite der Gleichung, ab 1; alle Seiten sind gleich, wenn sie aufgeht"),
         ("teil", "Anbieterkonto, Forderungsart oder Ursache"), ("zahl", "Name der Zahl"),
         ("betrag", "Betrag beim Abschluss; leer: nicht bekannt"), CURRENCY),
        """SELECT c.day AS tag, e ->> 'key' AS gleichung, s.number AS seite, e ->> 'part' AS teil,
            f ->> 'german' AS zahl, (f ->> 'cents')::bigint AS betrag, e ->> 'currency' AS waehrung
        FROM day_closings c CROSS JOIN LATERAL jsonb_array_elements(c.figures -> 'equations') e
        CROSS JOIN LATERAL jsonb_array_elements(e -> 'sides') WITH ORDINALITY s(side, number)
        CROSS JOIN LATERAL jsonb_array_elements(s.side) f
        WHERE c.tenant_id = :tenant AND c.day BETWEEN :first AND :last
        ORDER BY c.day, e ->> 'key', e ->> 'part', e ->> 'currency', s.number""",
        frozenset({"betrag"})),
)
# fmt: on
