SELECT merchant, customer, gender, transactions, amount_paise / 100 AS amount,
  CASE WHEN weighted_transactions > 0 THEN weight_units / 10000 / weighted_transactions END AS mean_weight,
  reported, line
FROM (SELECT *, row_number() OVER (PARTITION BY merchant, customer ORDER BY line DESC) AS age FROM ${table})
WHERE age = 1
