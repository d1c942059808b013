"""The words of the grammar itself: what they are, whatever the model. Phrases are written as people type them.

A kind is a class of words that the grammar's rules name; the value says which of the class it is. ``FILL`` words carry
no meaning of their own in any question the grammar reads; everything else must be explained by a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from customer360.ask.words import stems_of

_WORDS: dict[str, dict[Any, str]] = {
    "AGG": {
        "avg": (
            "average|mean|the average|averaged|on average|typical|average of|arithmetic mean|overall average|"
            "overall mean|overall one|the overall one|the overall rate|the overall figure|overall figure"
        ),
        "sum": (
            "add up|sum up|adding up|total|sum|sum of|combined|in total|in all|all together|aggregate|"
            "altogether|grand total|"
            "cumulated|total amount|sum total"
        ),
        "median": "median|50th percentile|middle value",
        "stddev": "standard deviation|std dev|stddev|stdev|sd|std",
        "max": "maximum|max",
        "min": "minimum|min",
    },
    "COUNT": {
        "": (
            "how large is|how big is|how large|how big|how many|number of|count of|count|the number|"
            "number|total number of|how many of|no of|count up|"
            "headcount|head count of|head count|total count of|total count|counted|just the number|just the count|"
            "just a number|"
            "the count|just count|only the number|quantity of|how many different"
        ),
    },
    "HOWMUCH": {
        "": "by how many dollars|how many dollars|how much|by how much|how much money|what amount|the amount of",
    },
    "DISTINCT": {
        "": "distinct|unique|different|separate|individual",
    },
    "OP": {
        ">": (
            "over|above|more than|greater than|higher than|exceeding|exceed|larger than|bigger than|"
            "in excess of|north of|beyond|upwards of|better than|longer than|>|more|above the|exceeds|"
            "surpassing|surpass|topping|topped|exceeded|surpassed|crossed|beat|bigger|larger|higher"
        ),
        "<": (
            "under|below|less than|fewer than|lower than|smaller than|beneath|short of|shorter than|<|less|"
            "south of|fewer|lower|not even"
        ),
        ">=": (
            "at or above|at or over|equal to or above|greater than or equal to|more than or equal to|"
            "above or equal to|no lower than|at least|minimum of|no less than|no fewer than|"
            "not less than|not fewer than|>=|from at least|"
            "a minimum of|not below|starting at|or higher than"
        ),
        "<=": (
            "at or below|at or under|less than or equal to|fewer than or equal to|equal to or below|"
            "at most|up to|no more than|not more than|maximum of|a maximum of|<=|not over|not above|"
            "not exceeding|no higher than|or lower than|within"
        ),
        "=": "exactly|equal to|equals|equal|=|precisely|of exactly",
        "!=": "not equal to|!=|different from|other than exactly",
    },
    "VAGUE": {
        "": (
            "large|big|small|huge|tiny|recently|lately|heavy|light|modest|significant|substantial|sizeable|sizable|"
            "expensive|cheap|wealthy|rich|old|young|perform well|performs well|performing well|doing well|do well|"
            "strong|weak|problematic|successful|unsuccessful|unusual|suspicious|promising|attractive|"
            "important|excellent|solid|terrible|"
            "does well|doing badly|doing poorly|perform badly|perform poorly|performing badly|performing poorly|"
            "how active|loyal|most loyal|a bit|a little|somewhat|fairly|quite|relatively"
        ),
    },
    "NULL": {
        "": "missing|not known|unknown|null|blank|not available|unavailable|not recorded|not filled in",
    },
    "ORMORE": {
        ">=": (
            "or more|or above|and above|or over|and over|and up|or higher|plus|+|or greater|or longer|or up|"
            "upward|upwards|or better|and more|and higher"
        ),
        "<=": "or less|or fewer|or below|and below|or under|and under|or lower|or shorter|and less",
    },
    "BETWEEN": {
        "": "between|ranging from|in the range|ranging between|in the range of",
    },
    "TO": {
        "": "to|through|until|-",
    },
    "FROM": {
        "": "from",
    },
    "TOP": {
        "desc": "top|the top|leading",
        "asc": "bottom|the bottom|worst performing|lowest ranking",
    },
    "SUP": {
        "desc": (
            "highest|most|largest|biggest|greatest|strongest|maximal|top most|the most|heaviest|"
            "most frequent|most frequently|most often|longest|highest ranking|by the most dollars|the most dollars|"
            "most dollars|the most in dollars|most in dollars|the most in absolute terms"
        ),
        "asc": ("lowest|least|smallest|fewest|weakest|minimal|the least|least frequent|least often|shortest|slowest"),
    },
    "RECENT": {
        "desc": "most recent|newest|latest|most recently|last|recent|freshest",
        "asc": "oldest|earliest|first|very first|longest standing|least recent|least recently",
    },
    "GOOD": {
        "desc": (
            "most common|commonest|common|most prevalent|better|"
            "best|top performing|best performing|most popular|popular|favorite|preferred|most important|"
            "most used|go to|most valuable|finest"
        ),
        "asc": "worse|worst|poorest|least valuable|least popular|least common|rarest|least used",
    },
    "BY": {
        "": (
            "group them by|group it by|group this by|group that by|"
            "by|per|for each|for every|in each|across|broken down by|split by|grouped by|"
            "breakdown by|separately for each|separately by|separately for|segmented by|within each|for all|"
            "split out by|cut by|sliced by|according to|"
            "of each|on each|from each|at each|broken out by|break down by|split per|divided by|organized by|"
            "each|every|by each|per each|as a function of|split across|broken down across|over all|in every|"
            "sorted by each|depending on|differ between|differs between|vary between|varies between|"
            "compare across|compare between|varies across|differing by|break it down by|split it by|"
            "broken up by|broken down per|across different|between the different|for the different|by the|"
            "vary by|differ by|differ across|varies by|differs by|vary across|within every|going by|judging by|"
            "measured by|judged by|inside each|"
            "inside every|among each|per every"
        ),
    },
    "SHARE": {
        "": (
            "percentage|percent|share|proportion|fraction|what percent|% of|portion|percentage share|"
            "percent of|share of|percentage of|proportion of|fraction of|contribution|contribution of|"
            "relative share|percentage wise how much of|how much of|percentage wise|what part|part|mix|"
            "percentage breakdown|pct|split|percent share|as a percentage|"
            "as percentage|as a percent|in percent|in percentages|in percentage|in percentage terms|percent split|"
            "percentage split|percent mix|percent breakdown|percentage mix|percent distribution|"
            "percentage distribution"
        ),
    },
    "RATIO": {
        "": "ratio|ratio of|ratio between",
    },
    "DIFF": {
        "": (
            "difference|difference between|difference in|gap between|gap in|gap|how much more or less|"
            "how many more or less|how many more or fewer|how many more|how much more|"
            "how much higher|how far apart are|how far apart|by how many percentage points|how many percentage points|"
            "percentage points"
        ),
        "less": "how many fewer|how many less|how much less|how much lower",
    },
    "COMPARE": {
        "": "compare|comparison|comparing|comparison of|compared|how do|how does|contrast|side by side",
    },
    "VS": {
        "": (
            "vs|versus|with that of|from that of|to that of|than that of|or that of|with those of|"
            "than those of|or those of|"
            "differ from that of|differs from that of|differ from|differs from|compared to|compared with|"
            "next to|up on|down on|"
            "against|relative to|as opposed to|in comparison to|"
            "in comparison with|than|when compared to|v|vs the"
        ),
    },
    "CHANGE": {
        "": (
            "change|changed|growth|grow|growing|grown|grew|increase|increased|increasing|rise|rose|risen|"
            "rising|develop|evolved|development|growth rate|rate of growth|change in|delta|growth in|"
            "percentage change|percent change|by how many percent|by what percentage|by what percent|"
            "uplift|go up or down|gone up or down|gone up|went up|go up|"
            "up or down|doubled|going up|trending up|gained|gain|gaining"
        ),
        "down": (
            "decrease|decreased|drop|dropped|decline|fall|fell|fallen|dropping|falling|shrink|shrunk|"
            "decreasing|shrinking|drop in|decline in|decrease in|fall in|reduction|reduction in|down|"
            "gone down|went down|go down|going down|cut|reduced|reducing|less than before|trending down|"
            "lost|lose|losing|loss in"
        ),
    },
    "PERIODS": {
        "month": (
            "month over month|mom|month on month|m o m|monthly change|monthly growth|month by month change|"
            "monthly growth rate|from month to month|monthly change in|"
            "against the previous month|against the prior month|versus the previous month|"
            "versus the prior month|vs the previous month|vs the prior month|"
            "compared with the previous month|compared with the prior month|compared to the previous month|"
            "compared to the prior month|over the previous month|over the prior month|"
            "relative to the previous month|relative to the prior month"
        ),
        "quarter": (
            "quarter over quarter|qoq|quarter on quarter|quarterly growth|quarterly change|"
            "against the previous quarter|against the prior quarter|versus the previous quarter|"
            "versus the prior quarter|vs the previous quarter|vs the prior quarter|"
            "compared with the previous quarter|compared with the prior quarter|"
            "compared to the previous quarter|compared to the prior quarter|over the previous quarter|"
            "over the prior quarter|relative to the previous quarter|relative to the prior quarter|"
            "from quarter to quarter"
        ),
        "year": "year over year|yoy|year on year|annual growth|yearly growth|y o y",
        "week": (
            "week over week|wow|week on week|weekly growth|weekly change|"
            "against the previous week|against the prior week|versus the previous week|versus the prior week|"
            "vs the previous week|vs the prior week|compared with the previous week|"
            "compared with the prior week|compared to the previous week|compared to the prior week|"
            "over the previous week|over the prior week|relative to the previous week|"
            "relative to the prior week"
        ),
        "day": "day over day|day on day|daily change",
        "": (
            "period over period|compared to the previous period|compared to the prior period|"
            "vs previous period|vs the previous period|versus the previous period|than the period before|"
            "vs prior period|over the previous period"
        ),
    },
    "TREND": {
        "": (
            "trend|developed|over time|trends|evolution|timeline|time series|history|historical|"
            "development over time|trending|trend of|trend in|evolution of|trend over time|evolve|"
            "progression"
        ),
    },
    "GRAIN": {
        "day": "daily|by day|per day|each day|day by day|every day|a day|by date|per date|by calendar day",
        "week": "weekly|by week|per week|each week|week by week|every week|a week|by calendar week",
        "month": (
            "monthly|by month|per month|each month|month by month|every month|a month|by calendar month|"
            "per calendar month|for each month|in each month"
        ),
        "quarter": (
            "quarterly|by quarter|per quarter|each quarter|quarter by quarter|every quarter|a quarter|"
            "by calendar quarter"
        ),
        "year": (
            "yearly|annually|annual|by year|per year|each year|year by year|every year|a year|per annum|"
            "by calendar year"
        ),
    },
    "UNITWORD": {
        "day": "day|days|date|dates|calendar day|days back|days prior",
        "week": "week|weeks|calendar week",
        "month": "month|months|calendar months",
        "quarter": "quarter|quarters",
        "year": "year|years|calendar year",
    },
    "RUNNING": {
        "": (
            "running total|cumulative|cumulatively|running sum|cumulated total|cumulative total|running|cumulative sum"
        ),
    },
    "MOVING": {
        "": "moving average|rolling average|rolling mean|moving mean|sliding average|rolling|moving average of|"
        "rolling average of",
    },
    "DISTRIB": {
        "": (
            "spread|spread of|distribution|distributed|histogram|distribution of|breakdown|breakdown of|"
            "spread across|break down|split of|frequency distribution|distribute|spread out|spread over"
        ),
    },
    "BINS": {
        "": (
            "buckets|bands|brackets|bracket|band|bucket|group|groups|bins|bin|ranges|range|classes|class|"
            "buckets of|bands of|bins of|groups of|ranges of|in buckets of|in bands of|in steps of|steps of|"
            "bin width of|bin width|bucket width of|bucket width|"
            "bucketed|binned|intervals|intervals of|decade|decades"
        ),
    },
    "CORR": {
        "": (
            "correlation|correlated|correlate|correlation between|correlation of|correlation coefficient|"
            "related|relationship|relationship between|association|association between|relate"
        ),
    },
    "PCTILE": {
        "": "percentile|percentile of|quantile",
    },
    "QUARTILE": {
        25: "first quartile|lower quartile|bottom quartile|q1 quartile|lowest quartile",
        75: "third quartile|upper quartile|top quartile|highest quartile",
        10: "bottom decile|lowest decile",
        90: "top decile|highest decile",
        20: "bottom quintile|lowest quintile",
        80: "top quintile|highest quintile",
    },
    "SIGN": {
        ">": "positive|rising",
        "<": "negative",
    },
    "NOT": {
        "": (
            "not|no|without|non|excluding|except|except for|other than|apart from|besides|exclude|but not|"
            "minus|outside|outside of|aside from|everything except|everything except for|all except|all but|"
            "everywhere except|anything except|everyone except|everyone but|instead of|in place of|leave out|"
            "leaving out|ignoring|ignore|not in|not from|not including|excl|bar|not the|are not|is not|"
            "rather than|leaving|anything other than|anything but|everything but|everywhere but|nothing|"
            "with no|other|save for|barring|"
            "do not have|does not have|omit|omitting|never been|not counting|not considering"
        ),
    },
    "INMONEY": {
        "": "dollar|dollars|in dollars|usd|in usd|in dollar terms|in absolute terms|in absolute dollars",
    },
    "JUST": {
        "": (
            "and nowhere else|nowhere else|and nothing else|and no other channel|on no other channel|"
            "and on no other channel|no other channel|and in no other channel|exclusively|solely|and no others"
        ),
    },
    "REST": {
        "": (
            "the rest|rest|everyone else|everybody else|all others|the others|the rest of them|all other customers|"
            "the rest of the customers|the rest of our customers|the other customers|the rest of the country|"
            "all other states|the other states|all the others|the remaining customers|everywhere else|"
            "all other states combined|customers from all other states combined|other states|"
            "customers from all other states|all others combined|"
            "customers from other states|everyone else combined|customers in other states|the other states combined|"
            "customers in all other states|all other segments|the other segments"
        ),
    },
    "LEFTOUT": {
        "": (
            "left out|are left out|is left out|excluded|are excluded|is excluded|not included|are not included|"
            "ignored|are ignored|not counted|aside|taken out|are removed|is removed|removed"
        ),
    },
    "NEVER": {
        "": (
            "never|have not|has not|had not|did not|do not|does not|never have|have never|has never|"
            "had never|not once|none of|without any|without a|without a single|with no|have no|had no|has no|"
            "made no|without making|who have not|zero|not a single|not any"
        ),
    },
    "NONE": {
        "": "none|none at all|none of that|none of those|none of them|none of these",
    },
    "NEITHER": {
        "": "neither",
    },
    "NOR": {
        "": "nor",
    },
    "BOTH": {
        "": "both|as well as|and also|together with|along with",
    },
    "EITHER": {
        "": "either",
    },
    "AND": {
        "": "and|plus also|also|then|and the|and then|and of",
    },
    "OR": {
        "": "or|and or",
    },
    "BUT": {
        "": "but|yet|but who|but have",
    },
    "COMMA": {
        "": ",",
    },
    "WHICH": {
        "": "which|which of|what kind of|what type of|which one|which ones",
    },
    "WHO": {
        "": "who|whom|whose",
    },
    "WHAT": {
        "": (
            "what|what is|what are|what was|what were|what has been|what would be|tell me|what about|"
            "how about|how is|how are|how was|what s|how did|how has|how have"
        ),
    },
    "WHERE": {
        "": "where",
    },
    "WHEN": {
        "": "when|on which date|on what date|what date|which date|on what day|what day",
    },
    "LIST": {
        "": (
            "list|show|show me|give me|display|find|find me|get|get me|pull|pull up|list of|return|see|fetch|"
            "names of|names and|names with|which are|identify|give|show us|list all|list out|provide|"
            "present|report|enumerate|"
            "name|bring up|details of|output|print|show all|i want|i need|can i see|can you show|"
            "i would like|i would like to see|can you list|let me see|can i get|can i have|give us|pull me|"
            "look up|name the|calculate|compute|work out|determine"
        ),
    },
    "SORT": {
        "": (
            "sort by|sorted by|order by|ordered by|rank by|ranked by|rank|ranking|ranking of|ranked|sort|"
            "order|rank the|by descending|rank all|ranking by|sort them by|order them by|sorted|ordered|"
            "in order of|sorting by|ordering by|arranged by"
        ),
    },
    "DIR": {
        "asc": (
            "ascending|from lowest to highest|lowest first|cheapest first|smallest first|asc|"
            "from low to high|from smallest to largest|increasing order|in ascending order|low to high|"
            "lowest to highest|smallest to largest|in increasing order|fewest first|least first|"
            "in ascending order of|ascending order"
        ),
        "desc": (
            "descending|from highest to lowest|highest first|most expensive first|priciest first|"
            "largest first|desc|from high to low|from largest to smallest|decreasing order|"
            "biggest first|in descending order|from most to least|most to least|high to low|"
            "highest to lowest|largest to smallest|in decreasing order|most first|"
            "in descending order of|descending order"
        ),
        "name": (
            "alphabetically|in alphabetical order|alphabetical order|alphabetical|from a to z|a to z|by name|"
            "sorted by name|sort by name|ordered by name|order by name"
        ),
    },
    "BUY": {
        "": (
            "bought|purchased|shopped|transacted|made a purchase|made a transaction|made purchases|"
            "made transactions|buy|purchase from|used|use|ordered|made any purchase|made any purchases|"
            "made at least one purchase|have transacted|shop|made|make|placed|place|transact|"
            "made any transaction|made any transactions|buying|shopping|purchasing|bought from|bought in|had|"
            "paid|pay|paying|bought anything|purchased anything|bought something|"
            "buy anything|purchase anything|buy something|purchase something|purchased something|spend anything|"
            "spend any money|spent any money|order anything|"
            "made at least one transaction|transacting|make a purchase|make purchases|used their card|"
            "had a transaction|placed an order|ordered anything|been shopping|been active|"
            "did we book|do we book|we booked|"
            "had any transactions|had transactions|buys|made a payment|visited|spent anything|spent money|"
            "bought any|made a single purchase|made a single transaction|had any activity|shopped at|"
            "have a transaction|have transactions|put|puts|was made|were made|processed|happened|took place|occurred|"
            "occur|happen|came|come through|went through|take place|takes place|occurs"
        ),
    },
    "OPEN": {
        "": (
            "opened|opened an account|joined|signed up|opened their account|opened accounts|open an account|"
            "sign up|registered|onboarded|opened their accounts|account opened|accounts opened|"
            "became customers|became a customer|were acquired|acquired|enrolled|opening an account|"
            "account opening|opened a new account|new|brand new|been customers since|customer since|"
            "been with us since|customers since|joining|join|signups|sign ups|account openings|open"
        ),
    },
    "ASSIGNED": {
        "": (
            "assigned|assigned to|were assigned|was assigned|moved into|moved to|put into|entered|"
            "joined the segment|were placed|assigned to the"
        ),
    },
    "HOWLONG": {
        "": "how long|since how long|for how long",
    },
    "TENURE": {
        "": (
            "been with us|been a customer|been customers|with us for|been around|been our customer|"
            "stayed with us|customers for|been a customer for|been customers for|been with us for"
        ),
    },
    "NTHPCTS": {
        (25, 75): (
            "lower and upper quartile|lower and upper quartiles|first and third quartile|first and third quartiles|"
            "upper and lower quartile|upper and lower quartiles|interquartile range"
        ),
    },
    "CUTOFF": {
        "": "cutoff|cut off|cutoff for|threshold|threshold for|cutoff point|entry point|bar for",
    },
    "ETC": {
        "": "and so on|and so forth|etc|and so on and so forth",
    },
    "QUARTILES": {
        "": "quartiles|quartile",
    },
    "FLIP": {
        "": (
            "flip|flip it|reverse|reverse it|reverse the order|invert|flip the order|other way round|other way around"
        ),
    },
    "IS": {
        "": (
            "by a|by an|of a|count as|counts as|is|are|was|were|be|been|being|that|have|has|with|"
            "come from|comes from|"
            "came from|have a|has a|"
            "hold|holding|carry|that are|which are|live in|living|live|located|located in|based|residing|"
            "reside|belong to|belonging to|belong|fall into|fall in|aged|having|own|owning|that have|with a|"
            "accounted for by|accounts for|account for|goes to|go to|happens|made up|generated by|generated|"
            "attributable to|come|comes|qualify|do|does|did|happened in|contributed|contribute|contributes|"
            "spent by|done|made by|driven by|represented by|represent|fell into|get|got|went to|went|end up|"
            "ended up|brought in by|brought in|labeled|labelled|classified|classified as|rated|flagged|"
            "flagged as|marked|marked as|"
            "considered|currently|in the|take|takes|earn|earns|generate|generates|attract|attracts|"
            "taken|sit in|sit|sits|sits in|held|"
            "gone|have gone|has gone|making up|makes up|make up|held by|is held by|goes through|runs through|"
            "comes through|lies|lie|stands|work|works|working|recorded|logged|registered|take in|takes in|"
            "took in|classed|classed as|fall on|falls on|fell on|falling on"
        ),
    },
    "THEIR": {
        "": "their|their own|its|its own|the same|same",
    },
    "ITEM": {
        "": "it|them|they|those|these|that one|this one|that|these ones|those ones|that group|this group",
    },
    "NTHONE": {
        1: "the first one|first one|the top one|top one|number one|the 1st one",
        2: "the second one|second one|number two|the 2nd one|2nd one|runner up|the runner up|second place|number 2",
        3: "the third one|third one|the 3rd one|3rd one|number three|third place|number 3",
        4: "the fourth one|fourth one",
        5: "the fifth one|fifth one",
        -1: "the last one|last one|bottom one|the bottom one",
    },
    "NTH": {
        2: "second|2nd|second most|next",
        3: "third|3rd",
        4: "fourth|4th",
        5: "fifth|5th",
        6: "sixth|6th",
        7: "seventh|7th",
        8: "eighth|8th",
        9: "ninth|9th",
        10: "tenth|10th",
        1: "1st",
    },
    "TIMES": {
        2: "twice|double|two times",
        3: "triple|three times|thrice",
        0.5: "half|half of",
        1 / 3: "a third of|one third of|a third|one third",
        2 / 3: "two thirds of|two thirds",
        0.25: "a quarter of|one quarter of",
        0.75: "three quarters of",
    },
    "TIMESUNIT": {
        "": "times|time|x",
    },
    "MEAN": {
        "": "i mean|or rather|no wait|sorry i mean|i meant|correction",
    },
    "ONLY": {
        "": (
            "only|just|but only|only the|just the|only show|only those|restrict to|"
            "limit it to|limit them to|limit this to|"
            "limit to|filter to|filter by|filter on|only include|keep only|narrow to|narrow it down to|"
            "narrow down to|only with"
        ),
    },
    "INSTEAD": {
        "": (
            "instead|rather|in its place|turn it into|turn that into|turn this into|change it to|switch to|"
            "change to|make that|make it|replace with|swap"
        ),
    },
    "SAME": {
        "": (
            "the same for|same for|same but|same thing for|same question for|the same but|do the same for|"
            "same thing but|the same|same|again|do that for|repeat for|repeat that for|now for|same thing"
        ),
    },
    "BEFORE": {
        "": (
            "the one before|the month before|the previous one|the year before|the week before|"
            "the quarter before|one before that|the prior one|the period before|month before|year before|"
            "week before|quarter before|previous period|the previous period|prior period|the day before|"
            "the one before that|the month before that|the year before that"
        ),
    },
    "AFTER": {
        "": (
            "the one after|the month after|the next one|the year after|the week after|the quarter after|"
            "the following one|the period after|next month|the following month|month after"
        ),
    },
    "YEARAGO": {
        "": (
            "a year earlier|a year ago|one year earlier|the same period last year|same period last year|"
            "same time last year|a year before|the year earlier|the same month last year|same month last year|"
            "the same quarter last year|same quarter last year|the same week last year|same week last year|"
            "the same day last year|same month of last year|the same month of last year|"
            "same quarter of last year|the same quarter of last year|same month a year ago|"
            "same quarter a year ago|same quarter a year earlier|same month a year earlier|"
            "the same month a year ago|the same quarter a year ago|the same quarter a year earlier|"
            "the same month a year earlier|same month the previous year|same quarter the previous year|"
            "the same month of the previous year|the same quarter of the previous year|"
            "same period of last year|the same period of last year|the same period a year earlier|"
            "the same period a year ago|same period a year ago"
        ),
    },
    "REMOVE": {
        "": "remove|drop|forget|clear|remove the|drop the|take out|get rid of|regardless of",
    },
    "FILL": {
        "": (
            "nevertheless|nonetheless|"
            "how old is|saw|do we serve|serve|took|over the course of|as a column|profile of|profile|"
            "since the beginning|"
            "from the beginning|of all time|all time|now|ok|okay|right|alright|the|a|an|of|our|we|us|"
            "there|me|please|all|right now|currently|i|"
            "want|need|would like|to see|"
            "can you|could you|know|in|for|on|at|them|it|so|far|would|could|should i|let|s|any|some|this|"
            "these|those|level of|figure|figures|data|result|results|do we have|do we|we have|have we|did we|"
            "are there|is there|exist|existing|present day|today's|to|as|into|him|her|my|your|they|he|she|"
            "will|shall|just|?|!|:|;|(|)|how high|how high is|"
            "how strongly|how strongly is|how closely|how strong is|reset|row|"
            "point|sorry|meaning|namely|down|add|include|hold on|to target|target|audience|type of|mean by|"
            "break|cut|split|system|ones|approx|in the system|still|worth|single|ever|extended|extend|"
            "processed|process|bring|combination|combinations|combination of|you|mind|telling|i am after|"
            "after all|across all|across the|among|amongst|within our|overall|on the books|the books|"
            "at least once|once|filter|filters|condition|list|sized|size of|hey|hi|hello|thanks|thank you|"
            "kindly|quick|quickly|question|am|i am|looking|looking for|interested in|information|info|about|"
            "curious|wondering|could i|may i|can|may|might|been|each of|base|portfolio|database|on file|"
            "out there|entire|whole|full|complete|actual|actually|really|exactly what|basically|roughly|"
            "approximately|around|via|through|using|within|coming|basis|based|done|in terms of|terms|"
            "terms of|when it comes to|view|table|chart|graph|plot|as well|too|respectively|in our|"
            "across our|of our|among our|their|out|up|made of|one|well|ago|by our|individually|type|kind|"
            "then|such|us customers|here|we got|got|much|level|levels|size|look like|looks like|"
            "wide|moved|performed|"
            "of the buyer|of the purchaser|of the shopper|"
            "look|looking like|perform|doing|like|associated|corresponding|respective|given|per our|records|"
            "in our database|on record|on our books|books|happen to be|happen|sort|'|dataset|has been|"
            "had been|have been|a list of|names|name|i can|if|when|given that|against our|of all|say|"
            "let's say|for me|for us|already|yet|time|the time|period|timeframe|during|over|throughout|upon|"
            "current|cross tab of|cross tab|crosstab of|crosstab|of everything|everything that|how its|how their|"
            "how the|how it|off|together|"
            "counting|considering|restricted|limited"
        ),
    },
}


def phrases() -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Yield the stems, the kind and the value of every phrase."""
    for kind, values in _WORDS.items():
        for value, line in values.items():
            for phrase in line.split("|"):
                stems = stems_of(phrase) or ((phrase,) if phrase in ("?", ":", ";", ",") else ())
                if stems:
                    yield stems, kind, value
