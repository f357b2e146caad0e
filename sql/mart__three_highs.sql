-- The three conditions of a person together, per rule set: everybody managed for at least one of them.
--   Registrations: a person counts once for every condition that she is registered with and managed for.
--   All: every condition that the person is registered with, managed or not, meets the criterion.
-- What is not known of one condition is not known of all.
select
    c.period,
    c.rule_set,
    c.person_id,
    c.area_id,
    c.sex,
    c.age_band,
    cast(sum(case when c.is_managed then 1 else 0 end) as bigint) as registrations_managed,
    case
        when count(*) = count(c.is_managed_to_specification)
            then cast(sum(case when c.is_managed_to_specification then 1 else 0 end) as bigint)
    end as registrations_to_specification,
    cast(sum(case when c.is_managed and c.is_controlled then 1 else 0 end) as bigint) as registrations_controlled,
    case
        when count(*) = count(c.is_managed_to_specification)
            then min(case when c.is_managed_to_specification then 1 else 0 end) = 1
    end as is_all_to_specification,
    min(case when c.is_managed and c.is_controlled then 1 else 0 end) = 1 as is_all_controlled
from mart__chronic_care as c
group by c.period, c.rule_set, c.person_id, c.area_id, c.sex, c.age_band
having max(case when c.is_managed then 1 else 0 end) = 1
