// How the engine runs statements of entities.

/**
 * A column and what is made of it may share a name: inside expressions the name means the column. Joins stand in the order in which they cost
 * least: the engine's own order, by what it knows of these tables, was seen to take six times as long and all its memory. Three passes that
 * look for conditions which repeat themselves took half of preparing the longest, and find none. Reading a table in the order of its key takes
 * ten times as long with FINAL as sorting the few rows that are asked for. Each expression is compiled for one run, which takes longer than it saves.
 */
export const ENTITY_SETTINGS = `SETTINGS prefer_column_name_to_alias = 1, query_plan_optimize_join_order_limit = 0,
  optimize_extract_common_expressions = 0, optimize_and_compare_chain = 0, optimize_redundant_comparisons = 0, optimize_read_in_order = 0,
  compile_expressions = 0, compile_aggregate_expressions = 0, compile_sort_description = 0, enable_materialized_cte = 1`;
