-- Every lowest-level area with each area that contains it, itself included.
-- Several feeds may describe areas: the first that knows a lowest-level area places it.
with first_source as (
    select leaf_id, min(source_rank) as source_rank
    from ref__area_rows
    where leaf_id is not null
    group by leaf_id
)
select
    p.period,
    r.leaf_id,
    r.level_no,
    r.area_level,
    min(r.area_id) as area_id
from ref__area_rows as r
inner join first_source as f on f.leaf_id = r.leaf_id and f.source_rank = r.source_rank
cross join ref__period as p
where r.area_id is not null
group by p.period, r.leaf_id, r.level_no, r.area_level
