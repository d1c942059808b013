"""Shares of a total by group, and the percentage that a part is of a whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from customer360.ask.chunks import Chunk
from customer360.ask.forms.base import Form, main_table
from customer360.ask.frame import Frame
from customer360.ask.grammar.figures import count_of, figure_of
from customer360.ask.grammar.terms import BARE_COMPARATIVES, Figure, Groups, number
from customer360.ask.lexicon import ValueOf, is_numeric
from customer360.ask.slots import RESTRICTING, NotUnderstood, Slots, build_scope, numeric, top_of
from customer360.semantic import Dimension, Formula


def holds_share(slots: Slots) -> bool:
    """Tell whether groups are sought by a share: states where more than 12 % of the customers are at high risk."""
    compared = [one for one in slots.chunks if one.kind == "CMP" and one.data.unit == "percent"]
    fields = [one for one in slots.chunks if one.kind == "FIELD" and not is_numeric(one.data)]
    counted = [one for one in slots.chunks if one.kind in ("ENTITY", "COUNTED")]
    shown = [one for one in slots.chunks if one.kind == "SHARE" and compared and one.first > compared[0].last]
    others = [one for one in slots.chunks if one.kind in ("SHARE", "MEASURE", "GROUP", "GRAIN") and one not in shown]
    return len(compared) == len(fields) == len(counted) == 1 and not others


class Shares(Form):
    """A question about a share."""

    _sides: Sequence[Chunk] = ()
    """The values of the groups whose shares are set against each other."""

    def build(self) -> Frame:
        """Return the frame."""
        if holds_share(self.slots):
            return self._sorted(self._held())
        self._sides_as_groups()
        if self.slots.has("VS") and self._join_flags():
            self.slots.chunks = [
                one for one in self.slots.chunks if one.kind != "BY" or "each" not in one.text.casefold()
            ]
        is_ranked = self.slots.has("NUM") and not self.slots.has("GROUP", "GRAIN")
        is_ranked = is_ranked and (self.slots.has("TOP") or self._has_largest())
        if is_ranked and not self.slots.take("BY"):
            return self._of_the_top()
        return self._sorted(self._share())

    def _sides_as_groups(self) -> None:
        """Read "compare the share of Premium customers in Texas and Ohio" as the share by state, in these two."""
        slots = self.slots
        is_bare = any(one.kind == "OP" and one.text.casefold() in BARE_COMPARATIVES for one in slots.chunks)
        values = [one for one in slots.chunks if one.kind == "VALUE"]
        sides = [one for one in values if len(one.data.values) > 1] or [
            one for one in values if [each.data.item for each in values].count(one.data.item) > 1
        ]
        parts = [one for one in slots.chunks if one.kind in ("VALUE", "COND") and one not in sides]
        named = {one.data.item for one in sides}
        if not (is_bare or slots.has("COMPARE", "VS")) or len(named) != 1 or not parts or slots.has("GROUP"):
            return
        item, last = sides[0].data.item, slots.chunks[-1].last + 1
        every = tuple(dict.fromkeys(value for one in sides for value in one.data.values))
        group = Chunk("GROUP", Groups((Dimension(name=item.full_name),)), last, last, item.label)
        self._sides = [Chunk("VALUE", ValueOf(item, every), last, last, " ".join(one.text for one in sides))]
        joined = ("COMPARE", "VS", "OP", "OR", "AND", "COMMA", "BETWEEN", "WHICH")
        slots.chunks = [one for one in slots.chunks if one not in sides and one.kind not in joined]
        slots.chunks.append(group)
        slots.asked = list(slots.chunks)

    def _share(self) -> Frame:
        """A share of a total by group, or the percentage that a part is of a whole."""
        slots = self.slots
        self._whole_named()
        named = self._part_before()
        told = slots.take("SHARE")
        distribution = bool(slots.take("DISTRIB")) or self._is_in_each()
        measures = slots.take("MEASURE", "COUNTED", "COUNTEDFIELD")
        each = self._each_of_several(measures)
        groups, per = self._groups()
        self._within = self._within or each
        if len(measures) == 2 and per is None:
            return self._of_another(measures, groups)
        if per is not None or len(measures) > 1 or any(one.kind == "COUNTEDFIELD" for one in measures):
            raise NotUnderstood("share")
        whole, part = self._split(measures)
        entities, fields = [one.data for one in slots.take("ENTITY")], slots.take("FIELD")
        if fields and part and any(one.first > told[0].first for one in fields):
            raise NotUnderstood(fields[0].text)
        groups = (*groups, *self._as_groups(fields))
        of_fields = bool(fields) and all(one.last <= told[0].first for one in fields)
        figure = self._shared(measures, entities, groups, of_fields=of_fields)
        self._require_related(figure.table, entities)
        dated = self._dated(groups, figure.table)
        self._require_groups(figure.table, dated)
        if named is not None and not part:
            whole, part = [one for one in whole if one is not named], [named]
        of_groups = bool(dated) and any(_is_of_groups(one) for one in told)
        whole, part = ([*whole, *part], []) if of_groups and of_fields else (whole, part)
        distribution = distribution or of_groups
        if not part and not distribution and not (dated and measures):
            whole, part = self._only_part(whole, grouped=bool(dated))
        if not part and len(dated) > 1 and not self._within and not all(one.grain for one in dated[1:]):
            raise NotUnderstood("within which group", "ambiguous_share")
        if not part and not dated:
            raise NotUnderstood("of which whole", "ambiguous_share")
        return self._share_frame(figure, dated, [*whole, *self._sides], part)

    def _held(self) -> Frame:
        """Groups that a percentage of their rows fits."""
        slots = self.slots
        slots.take("SHARE")
        fields, compared = slots.take("FIELD"), slots.take("CMP")[0].data
        figure = self._shared(slots.take("COUNTED"), [one.data for one in slots.take("ENTITY")], (), of_fields=False)
        groups = self._as_groups(fields)
        self._require_groups(figure.table, groups)
        taken = slots.take(*RESTRICTING)
        part = [one for one in taken if one.kind in ("VALUE", "COND")]
        if len(part) != 1:
            raise NotUnderstood(fields[0].text, "ambiguous_share")
        whole = [one for one in taken if one not in part and one.kind != "BUY"]
        frame = self._share_frame(figure, groups, whole, part)
        held = numeric("percentage", compared.op, [number(value) for value in compared.values])
        return frame.model_copy(update={"having": (*frame.having, held)})

    def _of_the_top(self) -> Frame:
        """What the highest of something have of the whole: the share of spend of the top 100 customers."""
        slots = self.slots
        slots.take("SHARE", "BUY", "FROM")
        number, words = slots.take("NUM"), slots.take("TOP", "SUP")
        measures, targets = slots.take("MEASURE", "COUNTED"), slots.take("ENTITY", "FIELD")
        measures += [one for one in targets if one.kind == "FIELD" and is_numeric(one.data)]
        targets = [one for one in targets if one not in measures]
        if not measures:
            measures = [one for one in targets if one.kind == "ENTITY"][:1]
            targets = [one for one in targets if one not in measures]
        if len(number) != 1 or len(measures) != 1 or len(targets) != 1 or words[0].data != "desc":
            raise NotUnderstood("which share of what", "ambiguous_share")
        figure = self._added_up(measures[0])
        top = top_of(*number[0].data)
        target = targets[0].data
        name = (
            target.full_name if targets[0].kind == "FIELD" else f"{target}.{self.model.tables[target].primary_key[0]}"
        )
        groups = (Dimension(name=name),)
        taken = slots.take(*RESTRICTING)
        if any(one.kind != "TIME" for one in taken):
            raise NotUnderstood("of which whole", "ambiguous_share")
        frame = self._figures_of(figure, taken, groups, figure.table)
        return frame.model_copy(update={"summary": "share_of_top", "top": top})

    def _has_largest(self) -> bool:
        """Tell whether so many of the largest are named, right beside the number: the 5 biggest categories."""
        chunks = self.slots.chunks
        return any({one.kind, after.kind} == {"NUM", "SUP"} for one, after in pairwise(chunks))

    def _added_up(self, measured: Chunk) -> Figure:
        """Return the sum that is shared out."""
        if measured.kind == "FIELD":
            figure = figure_of(self.lexicon, "sum", measured.data)
        elif measured.kind == "ENTITY":
            figure = count_of(self.lexicon, measured.data)
        else:
            figure = self._figure(measured, ())
        if figure is None or figure.agg not in ("", "sum"):
            raise NotUnderstood(measured.text)
        return figure

    def _each_of_several(self, measures: Sequence[Chunk]) -> tuple[str, ...]:
        """Return the groups inside of each of which shares are asked for: for each segment, by channel."""
        named = [one for one in self.slots.chunks if one.kind == "GROUP"]
        heads = [*measures, *(one for one in self.slots.chunks if one.kind == "ENTITY")]
        if len(named) != 2 or not heads or not named[0].first < heads[0].first < named[1].first:
            return ()
        is_each = named[0].text.casefold().startswith(("for each", "for every", "in each", "in every"))
        return tuple(one.name for one in named[0].data.dimensions) if is_each else ()

    def _is_in_each(self) -> bool:
        """Tell whether the groups stand right behind the word for a share: the percentage in each status."""
        asked = [one for one in self.slots.asked if one.kind != "COMMA"]
        if len(asked) > 1 and asked[-1].kind == "GROUP" and asked[-2].kind == "IS":
            return asked[-1].text.casefold().startswith(("each", "every", "in each", "in every"))
        for share, group in pairwise(asked):
            if share.kind == "SHARE" and group.kind == "GROUP":
                return not any(one.kind in ("VALUE", "COND", "HELD") and one.first > group.first for one in asked)
        return False

    def _part_before(self) -> Chunk | None:
        """Return the condition whose share is asked for: the online share of spend, or of online in total spend."""
        chunks = self.slots.chunks
        if not any(one.kind == "MEASURE" for one in chunks):
            return None
        for one, after in pairwise(chunks):
            if after.kind == "SHARE" and one.kind in ("VALUE", "COND"):
                return one
        for share, one, whole in zip(chunks, chunks[1:], chunks[2:], strict=False):
            is_part = share.kind == "SHARE" and one.kind in ("VALUE", "COND") and whole.kind == "MEASURE"
            if is_part and whole.text.casefold().startswith(_OF_ALL):
                return one
        return None

    def _whole_named(self) -> None:
        """Read a number behind "as a percentage of" as its sum: declined amount as a percentage of attempted amount."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks):
            if one.kind == "SHARE" and [each.kind for each in chunks[place - 1 : place + 2]] == [
                "MEASURE",
                "SHARE",
                "FIELD",
            ]:
                figure = figure_of(self.lexicon, "sum", chunks[place + 1].data)
                if figure is not None:
                    chunks[place + 1] = chunks[place + 1].made("MEASURE", figure)

    def _of_another(self, measures: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """One measure in percent of another over the same rows."""
        figures = [self._figure(one, groups) for one in measures]
        subject = figures[0].table
        share = next(one for one in self.slots.asked if one.kind == "SHARE")
        if figures[0].measure == figures[1].measure:
            return self._of_itself(figures[0], share, groups)
        between = measures[0].first < share.first < measures[1].first
        if not between or figures[1].table != subject or any(one.item.unit != figures[0].item.unit for one in figures):
            raise NotUnderstood(measures[1].text)
        parts = {"op": "percent", "left": figures[0].measure, "right": figures[1].measure, "as": "percentage"}
        dated = self._dated(groups, subject)
        self._require_groups(subject, dated)
        scope = build_scope(self.slots, subject, self.slots.take(*RESTRICTING))
        made = (Formula.model_validate(parts),)
        return Frame(kind="figures", subject=subject, measures=made, groups=dated, **scope.as_parts())

    def _of_itself(self, figure: Figure, share: Chunk, groups: Sequence[Dimension]) -> Frame:
        """What stands before the share, or behind it and before the whole, is of the part.

        As in "discretionary spend in percent of all spend", or "the share of discretionary spend in total spend".
        """
        wholes = [one for one in self.slots.asked if one.kind == "MEASURE" and one.text.casefold().startswith(_OF_ALL)]
        start = wholes[-1].first if wholes else share.first
        taken = self.slots.take(*RESTRICTING)
        part = [one for one in taken if one.kind in ("VALUE", "COND") and one.first < start]
        if not part:
            raise NotUnderstood("of which whole", "ambiguous_share")
        dated = self._dated(groups, figure.table)
        self._require_groups(figure.table, dated)
        return self._share_frame(figure, dated, [one for one in taken if one not in part], part)

    def _behind_groups(self, conds: Sequence[Chunk]) -> list[Chunk]:
        """Return the conditions that are of the whole, because they stand behind the groups: by segment in Texas."""
        ends = [one.last for one in self.slots.asked if one.kind in ("GROUP", "GRAIN")]
        behind = [one for one in conds if ends and one.first > max(ends)]
        return [one for one in behind if not one.text.casefold().startswith(_SURPASSING)]

    def _shared(
        self, measures: Sequence[Chunk], entities: Sequence[str], groups: Sequence[Dimension], *, of_fields: bool
    ) -> Figure:
        """Return what is shared out: a measure that adds up, or the number of rows."""
        if measures:
            figure = self._figure(measures[0], groups)
            if figure.agg not in ("", "sum"):
                raise NotUnderstood("share of " + figure.item.label)
            return figure
        table = entities[0] if entities else main_table(self.lexicon)
        found = count_of(self.lexicon, table)
        if found is None:
            raise NotUnderstood(table)
        if self._reaches_all(table, groups):
            return found
        rows = count_of(self.lexicon, self._activity())
        if of_fields and rows is not None:
            self.slots.assume(f"Shares are of the {rows.item.label.lower()}.")
            return rows
        return self._doers_in(table) or found

    def _only_part(self, whole: list[Chunk], *, grouped: bool) -> tuple[list[Chunk], list[Chunk]]:
        """Read conditions that no verb parts as those of the part; without groups only one of them can be."""
        conds = [one for one in whole if one.kind in ("COND", "VALUE", "HELD")]
        if not grouped and len(conds) != 1:
            raise NotUnderstood("of which whole", "ambiguous_share")
        behind = self._behind_groups(conds)
        if len(behind) == len(conds):
            return whole, []
        kept = [one for one in whole if one.kind == "TIME" or one in behind]
        return kept, [one for one in whole if one not in kept]

    def _share_frame(
        self, figure: Figure, dated: tuple[Dimension, ...], whole: list[Chunk], part: list[Chunk]
    ) -> Frame:
        subject, is_doer = figure.table, figure.table in self._doers()
        if part and not is_doer:
            whole = [*whole, *(one for one in part if one.kind == "TIME")]
            part = [one for one in part if one.kind != "TIME"]
        scope = build_scope(self.slots, subject, [one for one in whole if one.kind != "BUY" or is_doer])
        parts: dict[str, Any] = {"show": "share", "within": self._within if len(self._within) < len(dated) else ()}
        if part:
            inner = build_scope(self.slots, subject, [one for one in part if one.kind != "BUY" or is_doer])
            if inner.window is not None and inner.window_field:
                raise NotUnderstood(inner.window.label)
            if not inner.near and not inner.clauses:
                raise NotUnderstood("of which whole", "ambiguous_share")
            parts = {"part": tuple(inner.near), "part_clauses": tuple(inner.clauses)}
        measures = (figure.measure,)
        return Frame(kind="figures", subject=subject, measures=measures, groups=dated, **parts, **scope.as_parts())

    def _split(self, measures: Sequence[Chunk]) -> tuple[list[Chunk], list[Chunk]]:
        """Take the restricting chunks before and after the verb: of the whole, and of the part."""
        slots = self.slots
        places = [place for place, one in enumerate(slots.chunks) if _is_verb(one)]
        heads = measures or [one for one in slots.chunks if one.kind == "ENTITY"]
        head = heads[0].first if heads else -1
        verbs = [place for place in places if slots.chunks[place].first > head]
        if not verbs:
            return self._split_at(heads)
        kept = [
            place
            for place in verbs
            if any(one.kind in RESTRICTING and one.kind not in ("IS",) for one in slots.chunks[place:])
        ]
        if not kept:
            return slots.take(*RESTRICTING), []
        cut = kept[0] if len(kept) == 1 else self._last_main(kept)
        if measures and self._says_of_whom(cut):
            return slots.take(*RESTRICTING), []
        before = [one for one in slots.chunks[:cut] if one.kind in RESTRICTING]
        after = [one for one in slots.chunks[cut:] if one.kind in RESTRICTING]
        slots.take(*RESTRICTING)
        if not any(one.kind in ("COND", "VALUE", "HELD", "NEVER", "BUY", "OPEN") for one in after):
            return [*before, *after], []
        place = [] if measures else self._said_of_whole(after)
        return [*before, *place], [one for one in after if one not in place]

    def _says_of_whom(self, cut: int) -> bool:
        """Tell whether a relative clause behind the groups says of whom all is: by channel for those with a card."""
        chunks, verb = self.slots.chunks, self.slots.chunks[cut]
        ends = [one.last for one in self.slots.asked if one.kind in ("GROUP", "GRAIN")]
        people = [one for one in chunks[:cut] if one.kind == "ENTITY" and ends and one.first >= max(ends)]
        return bool(people) and verb.text.casefold().startswith(_RELATIVE)

    def _said_of_whole(self, after: Sequence[Chunk]) -> list[Chunk]:
        """Return a value at the end that says of which whole a percentage is: with a medium risk in Washington."""
        conds = [one for one in after if one.kind in ("VALUE", "COND", "HELD")]
        if len(conds) < 2 or conds[-1].kind != "VALUE" or conds[-1] is not after[-1]:
            return []
        last, before = conds[-1], conds[-2]
        linked = any(before.last <= one.first < last.first for one in self.slots.asked)
        return [last] if last.first > before.last and not linked else []

    def _split_at(self, heads: Sequence[Chunk]) -> tuple[list[Chunk], list[Chunk]]:
        """Read a comparison behind what is counted as the part of it: percentage of Texas customers older than 60."""
        taken = self.slots.take(*RESTRICTING)
        last = heads[0].last if heads else 0
        before = [one for one in taken if one.first < last or one.kind == "TIME"]
        after = [one for one in taken if one not in before]
        compares = all(one.kind == "COND" and not one.data.values for one in after)
        return (before, after) if after and ((before and compares) or self._is_of_groups(after)) else (taken, [])

    def _is_of_groups(self, after: Sequence[Chunk]) -> bool:
        """Tell whether conditions stand before the groups: percentage of spend on leisure by segment."""
        groups = [one for one in self.slots.asked if one.kind in ("GROUP", "GRAIN", "BY")]
        measured = any(one.kind == "MEASURE" for one in self.slots.asked)
        return measured and bool(groups) and all(one.last <= groups[0].first for one in after)

    def _last_main(self, verbs: Sequence[int]) -> int:
        """Return the verb of the main clause: the first that is of no relative one, or else the last of these."""
        chunks, start = self.slots.chunks, -1
        for place in verbs:
            before = chunks[max(place - 1, 0)]
            is_more = place - 1 in verbs or (before.kind in ("AND", "BUT", "OR") and before.text.casefold() != "also")
            if start >= 0 and is_more:
                continue
            if not chunks[place].text.casefold().startswith(_RELATIVE):
                return place
            start = place
        return start


_OF_ALL = ("in total", "of total", "in all", "of all", "in overall", "of overall")
"""How a measure is named that something has a share in."""
_SURPASSING = ("beat", "exceed", "surpass")
"""Verbs that compare: what stands behind them is said of the part."""
_RELATIVE = (
    *("who", "that", "which", "with", "in", "living", "aged", "having", "located", "based"),
    *("rated", "classified", "flagged", "labeled", "labelled", "marked", "considered", "holding", "residing"),
)
"""How the verb of a clause starts that says which of them are meant, not what is said of them."""


def _is_verb(one: Chunk) -> bool:
    """Tell whether a clause begins with a chunk; "are not low risk" and "is discretionary" hold their verb."""
    holds = one.kind == "COND" and one.text.casefold().startswith(("are ", "is ", "was ", "were "))
    return holds or one.kind in ("IS", "BUY", "NEVER", "OPEN", "WHO")


def _is_of_groups(share: Chunk) -> bool:
    """Tell whether the word for a share says that the parts are the groups: a mix, a split, in percent."""
    return share.text.casefold().startswith("in ") or any(
        word in share.text.casefold() for word in ("split", "mix", "breakdown", "distribution")
    )
