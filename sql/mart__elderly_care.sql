-- Residents of 65 and over with an archive, per rule set: whether they were examined in the year to date.
--   Age: in completed years at the end of the year or of the period, as the rule set says.
--   Examined: an examination with a complete form in the year to date, of whatever kind.
with examined as (
    select distinct x.person_id
    from mart__health_bureau__exams as x
    cross join ref__period as p
    where x.person_id is not null and x.is_complete and x.event_date >= p.year_start and x.event_date <= p.period_end
)
select
    r.period,
    s.rule_set,
    r.person_id,
    r.area_id,
    r.sex,
    r.age_band,
    x.person_id is not null as is_examined
from mart__residents as r
cross join ref__rule_sets as s
cross join ref__period as p
left join examined as x on x.person_id = r.person_id
where
    (s.elderly_age_at = 'period_end' and r.age_years >= s.elderly_age_years)
    or (
        s.elderly_age_at = 'year_end'
        and extract(year from p.period_end) - extract(year from r.birth_date) >= s.elderly_age_years
    )
