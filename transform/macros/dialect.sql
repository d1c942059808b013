{#- What DuckDB and Snowflake write differently, and nothing else; docs/snowflake.md has a row for each.
    Where the shortest form of Snowflake does not run on its emulator, a longer one that is right on both stands here. -#}

{#- The key of a row: the lower 64 bits of the MD5 of its natural key. -#}
{% macro surrogate_key(columns) -%}
    {{ return(adapter.dispatch('surrogate_key')(columns)) }}
{%- endmacro %}

{% macro duckdb__surrogate_key(columns) -%}
    md5_number_lower(concat_ws('|', {% for column in columns %}cast({{ column }} as varchar){{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}

{#- md5_number_lower64 counts the bytes from the other end, and the emulator has neither it nor to_number(…, 'XX'). -#}
{% macro snowflake__surrogate_key(columns) -%}
    {%- set texts = [] -%}
    {%- for column in columns -%}
        {%- do texts.append('cast(' ~ column ~ ' as varchar)') -%}
    {%- endfor -%}
    {%- set digest = 'md5(' ~ join_present('|', texts) ~ ')' -%}
    cast({% for byte in range(8) -%}
        {%- for place, weight in ((17, 16), (18, 1)) -%}
        cast(position(substr({{ digest }}, {{ place + 2 * byte }}, 1), '0123456789abcdef') - 1 as decimal(20, 0))
        * {{ weight * 256 ** byte }}{{ ' + ' if place == 17 or not loop.last }}
        {%- endfor -%}
        {{ ' + ' if not loop.last }}
    {%- endfor %} as decimal(20, 0))
{%- endmacro %}

{#- The texts that are not null with a separator between them; an empty text where all are null. -#}
{% macro join_present(separator, texts) -%}
    {{ return(adapter.dispatch('join_present')(separator, texts)) }}
{%- endmacro %}

{% macro duckdb__join_present(separator, texts) -%}
    concat_ws('{{ separator }}', {{ texts | join(', ') }})
{%- endmacro %}

{#- concat_ws is null where one text is; array_to_string(array_construct_compact(…)) does not run on the emulator. -#}
{% macro snowflake__join_present(separator, texts) -%}
    substr(
        {%- for text in texts -%}
        coalesce('{{ separator }}' || {{ text }}, ''){{ ' || ' if not loop.last }}
        {%- endfor -%}
    , {{ separator | length + 1 }})
{%- endmacro %}

{#- A text without the blanks around it, whatever kind of blank Unicode has. -#}
{% macro trimmed(text) -%}
    {{ return(adapter.dispatch('trimmed')(text)) }}
{%- endmacro %}

{% macro duckdb__trimmed(text) -%}
    trim({{ text }})
{%- endmacro %}

{#- trim alone takes only U+0020 off. -#}
{% macro snowflake__trimmed(text) -%}
    trim({{ text }}, '{% for code in [32, 160, 5760] + range(8192, 8203) | list + [8239, 8287, 12288] %}{{ '%c' | format(code) }}{% endfor %}')
{%- endmacro %}

{#- A text as another type; null where it does not fit. -#}
{% macro cast_text(text, type) -%}
    {{ return(adapter.dispatch('cast_text')(text, type)) }}
{%- endmacro %}

{% macro duckdb__cast_text(text, type) -%}
    try_cast({{ text }} as {{ type }})
{%- endmacro %}

{#- A date in a number would be seconds since 1970, and an integer has 38 digits there. -#}
{% macro snowflake__cast_text(text, type) -%}
    {%- if type == 'varchar' -%} {{ text }}
    {%- elif type == 'date' -%} try_to_date({{ text }}, 'YYYY-MM-DD')
    {%- elif type == 'integer' -%}
    case
        when try_cast({{ text }} as integer) between -2147483648 and 2147483647 then try_cast({{ text }} as integer)
    end
    {%- else -%} try_cast({{ text }} as {{ type }})
    {%- endif -%}
{%- endmacro %}

{#- A day as yyyy-mm-dd. -#}
{% macro day_as_text(day) -%}
    {{ return(adapter.dispatch('day_as_text')(day)) }}
{%- endmacro %}

{% macro duckdb__day_as_text(day) -%}
    cast({{ day }} as varchar)
{%- endmacro %}

{#- What a cast writes is a parameter of the session. -#}
{% macro snowflake__day_as_text(day) -%}
    to_varchar({{ day }}, 'YYYY-MM-DD')
{%- endmacro %}

{#- The start of a day. -#}
{% macro start_of_day(day) -%}
    {{ return(adapter.dispatch('start_of_day')(day)) }}
{%- endmacro %}

{% macro duckdb__start_of_day(day) -%}
    cast({{ day }} as timestamp)
{%- endmacro %}

{#- What `timestamp` means is a parameter of the account. -#}
{% macro snowflake__start_of_day(day) -%}
    cast({{ day }} as timestamp_ntz)
{%- endmacro %}

{#- The UTC moment of a timestamp that was written in the dataset's time zone. -#}
{% macro to_utc(column) -%}
    {{ return(adapter.dispatch('to_utc')(column)) }}
{%- endmacro %}

{% macro duckdb__to_utc(column) -%}
    {%- if var('time_zone') == 'UTC' -%} {{ column }}
    {%- else -%} timezone('UTC', timezone('{{ var("time_zone") }}', {{ column }}))
    {%- endif -%}
{%- endmacro %}

{% macro snowflake__to_utc(column) -%}
    {%- if var('time_zone') == 'UTC' -%} {{ column }}
    {%- else -%} convert_timezone('{{ var("time_zone") }}', 'UTC', {{ column }})
    {%- endif -%}
{%- endmacro %}

{#- Lower case without accents, for search. -#}
{% macro search_form(expression) -%}
    {{ return(adapter.dispatch('search_form')(expression)) }}
{%- endmacro %}

{% macro duckdb__search_form(expression) -%}
    lower(strip_accents({{ expression }}))
{%- endmacro %}

{#- There is no function for it; letters that are not listed keep their accents, marks that stand alone go. -#}
{% macro snowflake__search_form(expression) -%}
    {%- set from_letters, to_letters = [], [] -%}
    {%- for plain, accented in accented_letters().items() -%}
        {%- do from_letters.append(accented) -%}
        {%- do to_letters.append(plain * accented | length) -%}
    {%- endfor -%}
    {%- for code in range(768, 880) -%}
        {%- do from_letters.append('%c' | format(code)) -%}
    {%- endfor -%}
    translate(lower({{ expression }}), '{{ from_letters | join }}', '{{ to_letters | join }}')
{%- endmacro %}

{#- The small letters of Latin, Greek and Cyrillic that Unicode decomposes into a letter and an accent. -#}
{% macro accented_letters() -%}
    {{ return({
        'a': 'àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ', 'b': 'ḃḅḇ', 'c': 'çćĉċčḉ', 'd': 'ďḋḍḏḑḓ',
        'e': 'èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ', 'f': 'ḟ', 'g': 'ĝğġģǧǵḡ', 'h': 'ĥȟḣḥḧḩḫẖ', 'i': 'ìíîïĩīĭįǐȉȋḭḯỉị',
        'j': 'ĵǰ', 'k': 'ķǩḱḳḵ', 'l': 'ĺļľḷḹḻḽ', 'm': 'ḿṁṃ', 'n': 'ñńņňǹṅṇṉṋ',
        'o': 'òóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ', 'p': 'ṕṗ', 'r': 'ŕŗřȑȓṙṛṝṟ', 's': 'śŝşšșṡṣṥṧṩ', 't': 'ţťțṫṭṯṱẗ',
        'u': 'ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự', 'v': 'ṽṿ', 'w': 'ŵẁẃẅẇẉẘ', 'x': 'ẋẍ', 'y': 'ýÿŷȳẏẙỳỵỷỹ',
        'z': 'źżžẑẓẕ', 'æ': 'ǣǽ', 'ø': 'ǿ', 'ſ': 'ẛ', 'ʒ': 'ǯ', 'α': 'ά', 'ε': 'έ', 'η': 'ή', 'ι': 'ΐίϊ',
        'ο': 'ό', 'υ': 'ΰϋύ', 'ω': 'ώ', 'ϒ': 'ϓϔ', 'а': 'ӑӓ', 'г': 'ѓ', 'е': 'ѐёӗ', 'ж': 'ӂӝ', 'з': 'ӟ',
        'и': 'йѝӣӥ', 'к': 'ќ', 'о': 'ӧ', 'у': 'ўӯӱӳ', 'ч': 'ӵ', 'ы': 'ӹ', 'э': 'ӭ', 'і': 'ї', 'ѵ': 'ѷ', 'ә': 'ӛ',
        'ө': 'ӫ',
    }) }}
{%- endmacro %}

{#- One row per day from first_day to last_day (both dates), in the column calendar_date. -#}
{% macro date_spine(first_day, last_day) -%}
    {{ return(adapter.dispatch('date_spine')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__date_spine(first_day, last_day) -%}
    select cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date) as calendar_date
{%- endmacro %}

{#- A generator's size is a constant: 150,000 days are 410 years. seq4 may have gaps, its row numbers have none. -#}
{% macro snowflake__date_spine(first_day, last_day) -%}
    select calendar_date
    from (
        select cast(dateadd('day', row_number() over (order by seq4()) - 1, {{ first_day }}) as date) as calendar_date
        from table(generator(rowcount => 150000))
    ) as following_days
    where calendar_date <= {{ last_day }}
{%- endmacro %}

{#- Whole days from one date to another. -#}
{% macro days_between(earlier, later) -%}
    datediff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{#- Whole months from one date to another, counted down where the other is before. -#}
{% macro months_between(earlier, later) -%}
    {{ return(adapter.dispatch('months_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__months_between(earlier, later) -%}
    datesub('month', {{ earlier }}, {{ later }})
{%- endmacro %}

{#- months_between says 0.97 from 30 January to 29 February, where DuckDB's month is over at the end of the shorter one. -#}
{% macro snowflake__months_between(earlier, later) -%}
    case
        when {{ earlier }} <= {{ later }} then {{ _months_passed(earlier, later) }}
        else -({{ _months_passed(later, earlier) }})
    end
{%- endmacro %}

{% macro _months_passed(earlier, later) -%}
    {%- set boundaries = "datediff('month', " ~ earlier ~ ", " ~ later ~ ")" -%}
    {{ boundaries }} - case when {{ add_months(earlier, boundaries) }} > {{ later }} then 1 else 0 end
{%- endmacro %}

{% macro add_days(day, number) -%}
    {{ return(adapter.dispatch('add_days')(day, number)) }}
{%- endmacro %}

{% macro duckdb__add_days(day, number) -%}
    cast({{ day }} + cast({{ number }} as integer) as date)
{%- endmacro %}

{% macro snowflake__add_days(day, number) -%}
    cast(dateadd('day', {{ number }}, {{ day }}) as date)
{%- endmacro %}

{% macro add_months(day, number) -%}
    {{ return(adapter.dispatch('add_months')(day, number)) }}
{%- endmacro %}

{% macro duckdb__add_months(day, number) -%}
    cast({{ day }} + to_months({{ number }}) as date)
{%- endmacro %}

{% macro snowflake__add_months(day, number) -%}
    cast(dateadd('month', {{ number }}, {{ day }}) as date)
{%- endmacro %}

{#- A whole row of a relation, known in the query as `alias`, as a JSON text. -#}
{% macro row_as_json(alias, relation) -%}
    {{ return(adapter.dispatch('row_as_json')(alias, relation)) }}
{%- endmacro %}

{% macro duckdb__row_as_json(alias, relation) -%}
    cast(to_json({{ alias }}) as varchar)
{%- endmacro %}

{#- object_construct(*) would leave nulls out and write the names in capitals. -#}
{% macro snowflake__row_as_json(alias, relation) -%}
    to_json(object_construct_keep_null(
        {%- for column in adapter.get_columns_in_relation(relation) if execute -%}
        '{{ column.name | lower }}', {{ alias }}.{{ column.name }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    ))
{%- endmacro %}

{#- 1 for Monday to 7 for Sunday. -#}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    isodow({{ day }})
{%- endmacro %}

{% macro snowflake__iso_weekday(day) -%}
    dayofweekiso({{ day }})
{%- endmacro %}

{% macro iso_week(day) -%}
    {{ return(adapter.dispatch('iso_week')(day)) }}
{%- endmacro %}

{% macro duckdb__iso_week(day) -%}
    weekofyear({{ day }})
{%- endmacro %}

{% macro snowflake__iso_week(day) -%}
    weekiso({{ day }})
{%- endmacro %}

{#- Whether a whole text matches a regular expression. -#}
{% macro matches(column, pattern) -%}
    {{ return(adapter.dispatch('matches')(column, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(column, pattern) -%}
    regexp_full_match({{ column }}, '{{ pattern }}')
{%- endmacro %}

{#- A backslash in a literal is an escape there. -#}
{% macro snowflake__matches(column, pattern) -%}
    regexp_like({{ column }}, '{{ pattern | replace("\\", "\\\\") }}')
{%- endmacro %}

{#- Whether a condition holds in any row of a group. -#}
{% macro any_true(condition) -%}
    {{ return(adapter.dispatch('any_true')(condition)) }}
{%- endmacro %}

{% macro duckdb__any_true(condition) -%}
    bool_or({{ condition }})
{%- endmacro %}

{% macro snowflake__any_true(condition) -%}
    boolor_agg({{ condition }})
{%- endmacro %}

{#- A 64-bit hash of a value: for finding candidates, never for telling two values apart. -#}
{% macro hash_of(column) -%}
    hash({{ column }})
{%- endmacro %}

{#- The materialisation of a table that a build may carry over and append to; Snowflake makes it anew. -#}
{% macro appended_table() -%}
    {{ return('incremental' if target.type == 'duckdb' else 'table') }}
{%- endmacro %}
