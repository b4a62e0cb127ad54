"""Everything of SageMaker that the ACK kinds make but pipelines: models, endpoints, model packages, jobs, schedules."""
