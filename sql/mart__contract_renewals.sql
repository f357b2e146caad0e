-- Contracts whose last day lies in the year to date, per rule set: whether the person has signed a later contract,
-- one that ends later, no later than the days of grace after that day, as far as is known at the end of the period.
-- Contracts of unknown persons are not followed.
with contracts as (
    select contract_no, person_id, area_id, sex, age_band, signed_on, ends_on
    from mart__health_bureau__contracts
    where person_id is not null
),
expired as (
    select c.*
    from contracts as c
    cross join ref__period as p
    where c.ends_on >= p.year_start and c.ends_on <= p.period_end
)
select
    p.period,
    s.rule_set,
    e.contract_no,
    e.person_id,
    e.area_id,
    e.sex,
    e.age_band,
    exists (
        select 1
        from contracts as n
        where
            n.person_id = e.person_id
            and n.signed_on > e.signed_on
            and n.ends_on > e.ends_on
            and datediff('day', e.ends_on, n.signed_on) <= s.renewal_grace_days
    ) as is_renewed
from expired as e
cross join ref__rule_sets as s
cross join ref__period as p
