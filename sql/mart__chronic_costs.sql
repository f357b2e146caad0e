-- Settled medical cost of the year to date of every person managed for a chronic condition, per rule set.
-- The sum is net: a reversal takes away, whether its amounts were delivered with a sign or without.
with managed as (
    select distinct period, rule_set, person_id, area_id, sex, age_band
    from mart__chronic_care
    where is_managed
),
settled as (
    select
        s.person_id,
        sum(case when s.is_reversal then -abs(s.total_fee_fen) else s.total_fee_fen end) as total_fee_fen
    from mart__insurers__settlements as s
    cross join ref__period as p
    where s.person_id is not null and s.event_date >= p.year_start and s.event_date <= p.period_end
    group by s.person_id
)
select
    m.period,
    m.rule_set,
    m.person_id,
    m.area_id,
    m.sex,
    m.age_band,
    cast(coalesce(s.total_fee_fen, 0) as bigint) as total_fee_fen
from managed as m
left join settled as s on s.person_id = m.person_id
