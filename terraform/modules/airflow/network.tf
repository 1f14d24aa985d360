# MWAA requires two private subnets; the DAGs reach Databricks and AWS through one NAT gateway.

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:A subnet keeps its original zone, see ignore_changes
  count = var.mwaa == null ? 0 : 1
  state = "available"
}

locals {
  # The /24 is split into /26 subnets: two private, one public.
  private_subnets = var.mwaa == null ? [] : [cidrsubnet(var.mwaa.cidr, 2, 0), cidrsubnet(var.mwaa.cidr, 2, 1)]
  public_subnets  = var.mwaa == null ? [] : [cidrsubnet(var.mwaa.cidr, 2, 2)]
}

resource "aws_vpc" "airflow" {
  #checkov:skip=CKV2_AWS_11:The network accepts no inbound traffic; all traffic is Airflow's own
  count                = var.mwaa == null ? 0 : 1
  cidr_block           = var.mwaa.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.environment_name }
}

# Without rules it denies all traffic.
resource "aws_default_security_group" "airflow" {
  count  = length(aws_vpc.airflow)
  vpc_id = aws_vpc.airflow[count.index].id
}

resource "aws_subnet" "private" {
  count             = length(local.private_subnets)
  vpc_id            = aws_vpc.airflow[0].id
  cidr_block        = local.private_subnets[count.index]
  availability_zone = data.aws_availability_zones.available[0].names[count.index]
  tags              = { Name = "${local.environment_name}-private-${count.index}" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_subnet" "public" {
  count             = length(local.public_subnets)
  vpc_id            = aws_vpc.airflow[0].id
  cidr_block        = local.public_subnets[count.index]
  availability_zone = data.aws_availability_zones.available[0].names[count.index]
  tags              = { Name = "${local.environment_name}-public" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_internet_gateway" "airflow" {
  count  = length(aws_vpc.airflow)
  vpc_id = aws_vpc.airflow[count.index].id
}

resource "aws_eip" "nat" {
  count  = length(aws_vpc.airflow)
  domain = "vpc"
}

resource "aws_nat_gateway" "airflow" {
  count         = length(aws_vpc.airflow)
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id

  depends_on = [aws_internet_gateway.airflow]
}

resource "aws_route_table" "public" {
  count  = length(aws_vpc.airflow)
  vpc_id = aws_vpc.airflow[count.index].id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.airflow[count.index].id
  }
}

resource "aws_route_table_association" "public" {
  count          = length(aws_subnet.public)
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_route_table" "private" {
  count  = length(aws_vpc.airflow)
  vpc_id = aws_vpc.airflow[count.index].id
}

resource "aws_route" "to_internet" {
  count                  = length(aws_vpc.airflow)
  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.airflow[count.index].id
}

resource "aws_route_table_association" "private" {
  count          = length(aws_subnet.private)
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[0].id
}

# Reads of the lake bypass the NAT gateway, which bills per byte.
resource "aws_vpc_endpoint" "s3" {
  count           = length(aws_vpc.airflow)
  vpc_id          = aws_vpc.airflow[count.index].id
  service_name    = "com.amazonaws.${var.region}.s3"
  route_table_ids = [aws_route_table.private[count.index].id]
}

resource "aws_security_group" "airflow" {
  #checkov:skip=CKV2_AWS_5:Attached to the MWAA environment, which checkov does not resolve through count
  count       = length(aws_vpc.airflow)
  name        = local.environment_name
  description = "Airflow: traffic between its components, and outbound HTTPS"
  vpc_id      = aws_vpc.airflow[count.index].id
}

resource "aws_vpc_security_group_ingress_rule" "among_themselves" {
  count                        = length(aws_security_group.airflow)
  description                  = "Between Airflow components"
  security_group_id            = aws_security_group.airflow[count.index].id
  referenced_security_group_id = aws_security_group.airflow[count.index].id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "among_themselves" {
  count                        = length(aws_security_group.airflow)
  description                  = "Between Airflow components"
  security_group_id            = aws_security_group.airflow[count.index].id
  referenced_security_group_id = aws_security_group.airflow[count.index].id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "https" {
  count             = length(aws_security_group.airflow)
  description       = "Databricks, AWS and the package index"
  security_group_id = aws_security_group.airflow[count.index].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# The private web server is an interface in the subnets; these are the networks of those who use it, such as a VPN.
resource "aws_vpc_security_group_ingress_rule" "webserver" {
  for_each          = var.mwaa == null ? toset([]) : toset(var.mwaa.source_cidrs)
  description       = "Airflow UI"
  security_group_id = aws_security_group.airflow[0].id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
