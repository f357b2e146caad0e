-- Discharges of the period as hospitals report them against inpatient settlements as the insurer reports them: persons
-- both ways and events, as a whole and, where both name institutions alike, by institution.
--   Discharged in the period, whenever admitted; who is still in hospital is not settled yet.
--   A stay after an injury or for a birth is a stay: the insurer tells them apart, the hospital does not.
--   A reversal takes back one settlement; a person whose settlements were all taken back has none.
with discharged as (
    select e.person_id, e.institution_code as institution
    from mart__hospitals__encounters as e
    cross join ref__period as p
    where e.encounter_class = 'inpatient' and e.discharge_date between p.period_start and p.period_end
),
settled as (
    select
        s.person_id,
        s.institution_code as institution,
        sum(case when s.is_reversal then -1 else 1 end) as settlements
    from mart__insurers__settlements as s
    where s.medical_type in ('inpatient', 'injury_inpatient', 'maternity_inpatient')
    group by s.person_id, s.institution_code
    having sum(case when s.is_reversal then -1 else 1 end) > 0
),
discharged_persons as (
    select d.person_id, d.institution, max(case when s.person_id is not null then 1 else 0 end) as is_on_both
    from discharged as d
    left join (select distinct person_id from settled where person_id is not null) as s on s.person_id = d.person_id
    where d.person_id is not null
    group by d.person_id, d.institution
),
settled_persons as (
    select s.person_id, s.institution, max(case when d.person_id is not null then 1 else 0 end) as is_on_both
    from settled as s
    left join (select distinct person_id from discharged where person_id is not null) as d on d.person_id = s.person_id
    where s.person_id is not null
    group by s.person_id, s.institution
),
discharging as (
    select distinct institution from discharged where institution is not null
),
common as (
    select count(*) as institutions
    from discharging
    where institution in (select institution from settled where institution is not null)
),
compared as (
    select
        'admitted_persons_settled' as expectation,
        'hospitals.encounters' as feed,
        cast(null as varchar) as institution,
        sum(is_on_both) as matched,
        count(*) as base
    from (select person_id, max(is_on_both) as is_on_both from discharged_persons group by person_id) as w
    union all
    select 'admitted_persons_settled', 'hospitals.encounters', institution, sum(is_on_both), count(*)
    from discharged_persons
    where institution is not null
    group by institution
    union all
    select 'settled_persons_admitted', 'insurers.settlements', cast(null as varchar), sum(is_on_both), count(*)
    from (select person_id, max(is_on_both) as is_on_both from settled_persons group by person_id) as w
    union all
    select 'settled_persons_admitted', 'insurers.settlements', s.institution, sum(s.is_on_both), count(*)
    from settled_persons as s
    inner join discharging as d on d.institution = s.institution
    group by s.institution
    union all
    select 'settlements_per_admission', 'insurers.settlements', cast(null as varchar), s.settlements, d.discharges
    from (select sum(settlements) as settlements from settled) as s
    cross join (select count(*) as discharges from discharged) as d
    union all
    select 'settlements_per_admission', 'insurers.settlements', d.institution, s.settlements, d.discharges
    from (select institution, count(*) as discharges from discharged where institution is not null group by institution) as d
    left join (select institution, sum(settlements) as settlements from settled group by institution) as s
        on s.institution = d.institution
)
select
    c.expectation,
    c.feed,
    c.institution,
    cast(null as varchar) as area_level,
    cast(null as varchar) as area_id,
    cast(coalesce(c.matched, 0) as bigint) as matched,
    c.base
from compared as c
cross join common as k
where c.institution is null or k.institutions > 0
