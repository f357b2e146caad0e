-- Archives in use against the residents that civil affairs count, in every area of every level that has a figure.
with archives as (
    select area_id, count(*) as archives
    from mart__residents
    where area_id is not null
    group by area_id
),
people as (
    select area_id, sum(value) as residents
    from mart__area_facts
    where feed = 'civil_affairs.population' and fact = 'population'
    group by area_id
)
select
    'archives_within_population' as expectation,
    'health_bureau.residents' as feed,
    cast(null as varchar) as institution,
    c.area_level,
    c.area_id,
    cast(sum(coalesce(a.archives, 0)) as bigint) as matched,
    cast(sum(p.residents) as bigint) as base
from mart__area_closure as c
inner join people as p on p.area_id = c.leaf_id
left join archives as a on a.area_id = c.leaf_id
group by c.area_level, c.area_id
