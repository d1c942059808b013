"""What is said of people implies: who, where, only, on average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from customer360.ask.chunks import Chunk
from customer360.ask.forms.base import is_plural, main_table
from customer360.ask.forms.implied.amounts import Amounts
from customer360.ask.forms.implied.orders import MEASURED
from customer360.ask.grammar.terms import BARE_COMPARATIVES, Groups, as_cond
from customer360.ask.lexicon import is_numeric
from customer360.ask.slots import NotUnderstood


class People(Amounts):
    """Makes explicit who is meant."""

    def _only(self) -> None:
        """Read "who shopped only online" as shopping online and nowhere else; elsewhere "only" adds nothing."""
        chunks = self.slots.chunks
        people = main_table(self.lexicon)
        for place, one in enumerate(chunks):
            if one.kind != "JUST":
                continue
            self._refuse_groups_with_only(chunks[:place])
            near = [
                each
                for each in (*chunks[place + 1 : place + 3], *chunks[max(place - 1, 0) : place])
                if each.kind == "VALUE"
            ]
            if near and not self.model.relations.reaches(people, near[0].data.item.table):
                chunks[chunks.index(near[0])] = near[0].made("COND", replace(as_cond(near[0]), only=True))
        self.slots.take("JUST")

    def _refuse_groups_with_only(self, before: Sequence[Chunk]) -> None:
        """Refuse merchants with only declined transactions: all that they have would have to be looked at."""
        sought = any(one.kind == "FIELD" and not is_numeric(one.data) for one in before)
        if sought and before[-1].kind == "IS" and before[-1].text.casefold() in ("with", "have", "has", "having"):
            raise NotUnderstood("only")

    def _higher_of(self) -> None:
        """Read "which card type has the higher average amount" as asking for the highest of them."""
        chunks = self.slots.chunks
        groups = [one for one in chunks if one.kind == "FIELD" and not is_numeric(one.data)]
        if not self.slots.has("WHICH") or len(groups) != 1 or self.slots.has("VS", "CMP", "NUM", "COMPARE"):
            return
        for place, (one, after) in enumerate(pairwise(chunks)):
            is_bare = one.kind == "OP" and one.text.casefold() in BARE_COMPARATIVES
            if is_bare and after.kind in MEASURED and groups[0].last <= one.first:
                chunks[place] = one.made("SUP", "asc" if one.data == "<" else "desc")
                return

    def _where_and_who(self) -> None:
        """Read "where" as the field of places and "who" as the rows that do things."""
        slots = self.slots
        if slots.has("WHERE") and slots.asked[0].kind != "WHERE":
            slots.take("WHERE")
        if slots.has("WHERE"):
            where = slots.take("WHERE")[0]
            item = next((item for item in self.model.items if item.name == "state"), None)
            if item is None:
                raise NotUnderstood("where")
            said = [
                one
                for one in slots.chunks
                if one.kind == "GROUP" and [group.name for group in one.data.dimensions] == [item.full_name]
            ]
            for one in said:
                slots.chunks.remove(one)
            slots.chunks.insert(0, Chunk("FIELD", item, where.first, where.last, item.label))
        who = next((one for one in slots.chunks if one.kind == "WHO" and one.text.casefold() != "whose"), None)
        if who is not None and any(one.kind == "MEASURE" and one.last <= who.first for one in slots.chunks):
            return  # behind a measure it says which of them
        others = [one for one in slots.chunks if one.kind in ("ENTITY", "COUNTED")]
        often = slots.has("SUP") and [one.data for one in others] == [self._activity()]
        if who is not None and (not others or often):
            slots.chunks.remove(who)
            slots.chunks.insert(0, Chunk("ENTITY", main_table(self.lexicon), who.first, who.last, who.text))

    def _opened_alone(self) -> None:
        """Read "accounts opened" as saying whose accounts they are."""
        slots = self.slots
        opened = [one for one in slots.chunks if one.kind == "OPEN"]
        is_listed = bool(opened) and slots.has("RECENT") and "account" in opened[0].text.casefold()
        named = slots.has("ENTITY", "COUNTED", "MEASURE", "COUNTEDFIELD") or (slots.has("FIELD") and not is_listed)
        if opened and not named:
            place, one = slots.chunks.index(opened[0]), opened[0]
            account = Chunk("ENTITY", main_table(self.lexicon), one.first, one.first, one.text)
            slots.chunks[place : place + 1] = [account] if is_listed else [account, one]

    def _own_average(self) -> None:
        """Hold Texans against the average Texan, because all that are asked for share that value."""
        chunks = self.slots.chunks
        values = [one.data for one in chunks if one.kind == "VALUE"]
        for place, one in enumerate(chunks):
            if one.kind == "BENCHMARK" and one.data is not None and one.data[1] in values:
                chunks[place] = one.made("COND", one.data[0])

    def _average_person(self) -> None:
        """Read "what did the average customer spend" as the spend per customer."""
        chunks, people = self.slots.chunks, main_table(self.lexicon)
        doers = self._doers_in(people)
        for place, one in enumerate(chunks[:-1]):
            if one.kind != "AGG" or one.data != "avg":
                continue
            after = next((each for each in chunks[place + 1 :] if each.kind not in ("VALUE", "COND", "BUY")), None)
            measured = [each for each in chunks if each.kind == "MEASURE" and each is not after]
            is_doer = after is not None and after.kind == "MEASURE" and doers and after.data.measure == doers.measure
            is_person = after is not None and after.kind == "ENTITY" and after.data == people and not is_plural(after)
            if after is None or len(measured) != 1 or measured[0].first < after.first or not (is_doer or is_person):
                continue
            chunks[chunks.index(after)] = after.made("GROUP", Groups((), people))
            chunks.remove(one)
            return

    def _counted_on_average(self) -> None:
        """Read "on average, how many categories does a customer buy from" as those per customer."""
        chunks, people = self.slots.chunks, main_table(self.lexicon)
        doers = self._doers_in(people)
        counted = [one.data[1] for one in chunks if one.kind == "COUNTEDFIELD"]
        is_said = any(one.kind == "AGG" and one.text.casefold() == "on average" for one in chunks)
        if not is_said or len(counted) != 1 or self.model.relations.reaches(people, counted[0].table):
            return
        for place, one in enumerate(chunks):
            is_doer = one.kind == "MEASURE" and doers is not None and one.data.measure == doers.measure
            if is_doer or (one.kind == "ENTITY" and one.data == people):
                chunks[place] = one.made("GROUP", Groups((), people))
