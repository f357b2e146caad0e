-- The records of one feed in force, each with its person, area, sex and age band. What the record itself states comes
-- first; a record of a person that states no area counts where that person lives. In the register: the person has
-- an archive in use; not known where the period has no register.
select
    r.*,
    l.person_id,
    coalesce(r.own_area_id, h.area_id) as area_id,
    coalesce(r.own_sex, h.sex) as sex,
    coalesce(r.own_age_band, h.age_band) as age_band,
    case when a.archives > 0 then h.person_id is not null end as is_in_register
from ref__records as r
left join link__persons as l on l.person_key = r.person_key
left join mart__residents as h on h.person_id = l.person_id
cross join (select count(*) as archives from mart__residents) as a
