"""How the processes of one ``retrain`` know it: environment variables with its flow run's name and its id."""

PIPELINE_RUN, PIPELINE_RUN_ID = "FER_PIPELINE_RUN", "FER_PIPELINE_RUN_ID"
