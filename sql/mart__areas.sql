-- One row per area of every level: name, parent, number of lowest-level areas in it. The first feed that lists an
-- area in force names it; whether it is rural is known for lowest-level areas only.
with in_force as (
    select
        r.area_level, r.area_id, r.area_name, r.area_name_en, r.parent_id, r.is_rural, r.level_no, r.leaf_id,
        row_number() over (
            partition by r.area_level, r.area_id
            order by r.source_rank, r.area_name nulls last, r.area_name_en nulls last, r.parent_id nulls last, r.leaf_id
        ) as place
    from ref__area_rows as r
    inner join mart__area_closure as c
        on c.leaf_id = r.leaf_id and c.area_level = r.area_level and c.area_id = r.area_id
),
leaves as (
    select area_level, area_id, count(distinct leaf_id) as leaf_count
    from mart__area_closure
    group by area_level, area_id
)
select
    p.period,
    a.area_level,
    a.area_id,
    coalesce(a.area_name, a.area_id) as area_name,
    a.area_name_en,
    a.parent_id,
    case when a.level_no = 0 then a.is_rural end as is_rural,
    l.leaf_count
from in_force as a
inner join leaves as l on l.area_level = a.area_level and l.area_id = a.area_id
cross join ref__period as p
where a.place = 1
