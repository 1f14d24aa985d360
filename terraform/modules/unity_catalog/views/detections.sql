SELECT seq, YStartTime, detectionTime, patternId, ActionType, customerName, MerchantId, evidence, thresholds, line
FROM ${table}
